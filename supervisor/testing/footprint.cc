#include "supervisor/testing/footprint.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "supervisor/ports/process_sockets.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

bool HasEnded(const UniqueFd& pidfd) {
  pollfd poll_fd = {.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return !pidfd.valid() || poll(&poll_fd, 1, 0) > 0;
}

// The lines of a table of /proc/net, each as its words, without the heading.
std::vector<std::vector<std::string>> Table(const char* file) {
  std::ifstream table(absl::StrCat("/proc/net/", file));
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::vector<std::string>& row = rows.emplace_back();
    for (std::string word; words >> word;) row.push_back(std::move(word));
  }
  return rows;
}

uint64_t Number(const std::string& text) {
  uint64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

// The sockets of this network namespace that others can connect to, by inode,
// as a person calls them.
std::map<uint64_t, std::string> ReachableSockets() {
  constexpr char kListening[] = "0A";
  std::map<uint64_t, std::string> sockets;
  for (const char* file : {"tcp", "tcp6"}) {
    for (const auto& row : Table(file)) {
      if (row.size() < 10 || row[3] != kListening) continue;
      const std::string port = row[1].substr(row[1].rfind(':') + 1);
      sockets[Number(row[9])] = absl::StrCat(
          "the port ", std::stoi(port, nullptr, 16), " is still listened to");
    }
  }
  for (const auto& row : Table("unix")) {
    if (row.size() < 8) continue;  // it has no name
    sockets[Number(row[6])] =
        absl::StrCat("the socket ", row[7], " is still there");
  }
  return sockets;
}

}  // namespace

void Footprint::Record() {
  RecordProcess(getpid());
  for (const pid_t pid : ProcessTree(getpid())) RecordProcess(pid);
  std::error_code error;
  for (const std::string& directory : directories_) {
    for (const auto& entry : fs::directory_iterator(directory, error))
      files_.insert(entry.path().string());
  }
}

void Footprint::RecordProcess(pid_t pid) {
  if (const auto sockets = SocketsOf(pid); sockets.ok())
    sockets_.insert(sockets->begin(), sockets->end());
  Process& process = processes_[pid];
  if (process.pidfd.valid() && !HasEnded(process.pidfd)) return;
  process.pidfd = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  process.name = ProcessName(pid);
}

std::vector<std::string> Footprint::LeftSince(const Footprint& before) const {
  std::vector<std::string> left;
  for (const auto& [pid, process] : processes_) {
    const auto earlier = before.processes_.find(pid);
    if (HasEnded(process.pidfd) || (earlier != before.processes_.end() &&
                                    !HasEnded(earlier->second.pidfd)))
      continue;
    left.push_back(
        absl::StrCat("the process ", pid, " (", process.name, ") still runs"));
  }
  for (const auto& [inode, what] : ReachableSockets()) {
    if (sockets_.count(inode) > before.sockets_.count(inode))
      left.push_back(what);
  }
  std::error_code error;
  for (const std::string& file : files_) {
    if (before.files_.count(file) == 0 &&
        fs::exists(fs::symlink_status(file, error)))
      left.push_back(absl::StrCat("the file ", file, " is still there"));
  }
  return left;
}

}  // namespace espalier
