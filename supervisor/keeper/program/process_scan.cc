#include "supervisor/keeper/program/process_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

// Enough for a program's environment; whoever makes it longer hides its marker
// at worst, and then dies with the environment as a whole.
constexpr size_t kMaxEnvironmentBytes = 1 << 20;

std::string ProcPath(pid_t pid, const char* file) {
  return "/proc/" + Decimal(static_cast<uint64_t>(pid)) + "/" + file;
}

void SkipField(std::string_view* text) {
  text->remove_prefix(std::min(text->size(), text->find(' ')));
  text->remove_prefix(std::min(text->size(), text->find_first_not_of(' ')));
}

}  // namespace

std::optional<ProcessInfo> ParseStat(pid_t pid, std::string_view stat) {
  // The name is in parentheses and may hold anything, parentheses too.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || stat.size() < name_end + 3) {
    return std::nullopt;
  }
  ProcessInfo info;
  info.identity.pid = pid;
  stat.remove_prefix(name_end + 2);
  info.state = stat[0];  // Field 3.
  SkipField(&stat);
  if (!TakeNumber(&stat, &info.parent)) return std::nullopt;  // Field 4.
  SkipField(&stat);
  SkipField(&stat);
  if (!TakeNumber(&stat, &info.session)) return std::nullopt;  // Field 6.
  for (int field = 6; field < 20; ++field) SkipField(&stat);
  if (!TakeNumber(&stat, &info.threads)) return std::nullopt;  // Field 20.
  for (int field = 20; field < 22; ++field) SkipField(&stat);
  if (!TakeNumber(&stat, &info.identity.start_time)) return std::nullopt;
  return info;
}

std::optional<ProcessInfo> ReadProcess(pid_t pid) {
  OwnedFd file(open(ProcPath(pid, "stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  char buffer[1024];
  const ssize_t n = read(file.get(), buffer, sizeof buffer);
  if (n <= 0) return std::nullopt;
  return ParseStat(pid, std::string_view(buffer, static_cast<size_t>(n)));
}

std::vector<ProcessInfo> ScanProcesses() {
  std::vector<ProcessInfo> processes;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return processes;
  while (const dirent* entry = readdir(proc)) {
    std::string_view name = entry->d_name;
    pid_t pid = 0;
    if (!TakeNumber(&name, &pid) || !name.empty()) continue;
    if (auto info = ReadProcess(pid)) processes.push_back(*info);
  }
  closedir(proc);
  std::sort(processes.begin(), processes.end(),
            [](const ProcessInfo& a, const ProcessInfo& b) {
              return a.identity < b.identity;
            });
  return processes;
}

OwnedFd OpenChildrenOf(pid_t thread) {
  const std::string path =
      "/proc/self/task/" + Decimal(static_cast<uint64_t>(thread)) + "/children";
  return OwnedFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::vector<pid_t> ChildrenOf(pid_t thread) {
  const OwnedFd file = OpenChildrenOf(thread);
  std::string list;
  char buffer[4096];
  ssize_t n = 0;
  while (file && (n = read(file.get(), buffer, sizeof buffer)) > 0) {
    list.append(buffer, static_cast<size_t>(n));
  }
  std::vector<pid_t> children;
  std::string_view rest = list;
  while (!rest.empty()) {
    std::string_view word = TakePiece(&rest, ' ');
    pid_t pid = 0;
    if (TakeNumber(&word, &pid)) children.push_back(pid);
  }
  return children;
}

std::vector<pid_t> BranchesOf(pid_t root,
                              const std::vector<ProcessInfo>& processes) {
  constexpr pid_t kUnknown = -1;
  std::vector<pid_t> branches(processes.size(), kUnknown);
  auto find = [&](pid_t pid) -> size_t {
    auto it = std::lower_bound(
        processes.begin(), processes.end(), pid,
        [](const ProcessInfo& p, pid_t n) { return p.identity.pid < n; });
    const bool found = it != processes.end() && it->identity.pid == pid;
    return found ? static_cast<size_t>(it - processes.begin())
                 : processes.size();
  };
  std::vector<size_t> path;
  for (size_t start = 0; start < processes.size(); ++start) {
    path.clear();
    pid_t branch = 0;
    for (size_t i = start; i < processes.size();) {
      if (branches[i] != kUnknown) {
        branch = branches[i];
        break;
      }
      // Known to be 0 for the moment: so a cycle, which a number that was used
      // again during the scan could make, ends here.
      branches[i] = 0;
      path.push_back(i);
      if (processes[i].parent == root) {
        branch = processes[i].identity.pid;
        break;
      }
      i = find(processes[i].parent);
    }
    for (size_t i : path) branches[i] = branch;
  }
  return branches;
}

std::optional<std::string> InitialEnvironmentValue(pid_t pid,
                                                   std::string_view name) {
  OwnedFd file(open(ProcPath(pid, "environ").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string all(1, '\0');
  char buffer[4096];
  const std::string wanted = std::string(1, '\0') + std::string(name) + "=";
  for (;;) {
    const ssize_t n = read(file.get(), buffer, sizeof buffer);
    if (n > 0) all.append(buffer, static_cast<size_t>(n));
    const size_t at = all.find(wanted);
    if (at != std::string::npos) {
      const size_t value = at + wanted.size();
      const size_t end = all.find('\0', value);
      if (end != std::string::npos) return all.substr(value, end - value);
    }
    if (n <= 0 || all.size() > kMaxEnvironmentBytes) return std::nullopt;
  }
}

OwnedFd OpenProcess(const ProcessIdentity& identity) {
  OwnedFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, identity.pid, 0)));
  if (!pidfd) return pidfd;
  // The number may have changed hands before it was opened. If its owner still
  // is the one we mean, then so it was at that moment.
  const auto now = ReadProcess(identity.pid);
  if (!now.has_value() || now->identity != identity) pidfd.Reset();
  return pidfd;
}

bool SignalPidfd(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

bool SignalProcess(const ProcessIdentity& identity, int signal) {
  const OwnedFd pidfd = OpenProcess(identity);
  return pidfd && SignalPidfd(pidfd.get(), signal);
}

}  // namespace espalier::keeper
