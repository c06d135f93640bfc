#include "tests/bench/supervised.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "glog/logging.h"

namespace espalier {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number behind `name` in a file of lines such as "Pss:   12 kB"; 0 if
// there is none.
int64_t Field(const std::string& text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, name)) continue;
    line.remove_prefix(name.size());
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t number = 0;
    if (!words.empty() && absl::SimpleAtoi(words[0], &number)) return number;
  }
  return 0;
}

// Every process and its parent.
std::map<pid_t, pid_t> Parents() {
  std::map<pid_t, pid_t> parents;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", gone)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    const std::string stat = ReadText(entry.path() / "stat");
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream rest(stat.substr(name_end + 1));
    char state;
    rest >> state >> parents[pid];
  }
  return parents;
}

}  // namespace

absl::Duration MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

Supervised::Supervised(const BenchAdapter& adapter, BenchSetup setup)
    : setup_(std::move(setup)),
      ledger_(setup_.ledger, setup_.services + setup_.more) {
  std::vector<std::string> command = adapter(setup_);
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const std::string output = setup_.directory + "/output";
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  ledger_.Expect(setup_.services + setup_.more);
  began_ = MonotonicNow();
  const int error =
      posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  CHECK_EQ(error, 0) << argv[0] << ": " << strerror(error);
  posix_spawn_file_actions_destroy(&actions);
}

Supervised::~Supervised() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

absl::Status Supervised::AwaitBreaths() {
  for (int seconds = 0; seconds < 300; ++seconds) {
    const absl::Status status = ledger_.Await(absl::Seconds(1));
    if (status.ok()) return status;
    siginfo_t info = {};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid == pid_) break;
  }
  return absl::InternalError(
      absl::StrCat("services do not run; the supervisor says:\n",
                   ReadText(setup_.directory + "/output")));
}

absl::StatusOr<absl::Duration> Supervised::AwaitStart() {
  if (absl::Status status = AwaitBreaths(); !status.ok()) return status;
  return ledger_.LatestBreath() - began_;
}

absl::StatusOr<absl::Duration> Supervised::KillOne(uint32_t index) {
  ledger_.Expect(1);
  const absl::Duration killed = MonotonicNow();
  kill(static_cast<pid_t>(ledger_.slot(index).pid), SIGKILL);
  if (absl::Status status = AwaitBreaths(); !status.ok()) return status;
  return absl::Nanoseconds(ledger_.slot(index).breath_ns) - killed;
}

absl::StatusOr<absl::Duration> Supervised::KillAll() {
  ledger_.Expect(setup_.services);
  // Before the first dies, since numbers change then.
  std::vector<pid_t> pids;
  for (uint32_t i = 0; i < setup_.services; ++i) {
    pids.push_back(static_cast<pid_t>(ledger_.slot(i).pid));
  }
  const absl::Duration killed = MonotonicNow();
  for (pid_t pid : pids) kill(pid, SIGKILL);
  if (absl::Status status = AwaitBreaths(); !status.ok()) return status;
  return ledger_.LatestBreath() - killed;
}

absl::StatusOr<absl::Duration> Supervised::Stop() {
  const absl::Duration asked = MonotonicNow();
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(absl::StrCat(
        "the supervisor failed: ", ReadText(setup_.directory + "/output")));
  }
  return MonotonicNow() - asked;
}

std::vector<pid_t> Supervised::OwnProcesses() const {
  std::set<pid_t> services;
  for (uint32_t i = 0; i < ledger_.services(); ++i) {
    services.insert(static_cast<pid_t>(ledger_.slot(i).pid));
  }
  const std::map<pid_t, pid_t> parents = Parents();
  std::vector<pid_t> own;
  for (const auto& [pid, parent] : parents) {
    pid_t ancestor = pid;
    while (ancestor != pid_ && ancestor > 1 && parents.contains(ancestor)) {
      ancestor = parents.at(ancestor);
    }
    if (ancestor == pid_ && !services.contains(pid)) own.push_back(pid);
  }
  return own;
}

int64_t Supervised::PssBytes() const {
  int64_t kib = 0;
  for (pid_t pid : OwnProcesses()) {
    kib +=
        Field(ReadText(absl::StrCat("/proc/", pid, "/smaps_rollup")), "Pss:");
  }
  return kib * 1024;
}

int64_t Supervised::ContextSwitches() const {
  int64_t switches = 0;
  for (pid_t pid : OwnProcesses()) {
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator(
             absl::StrCat("/proc/", pid, "/task"), gone)) {
      const std::string status = ReadText(task.path() / "status");
      switches += Field(status, "voluntary_ctxt_switches:") +
                  Field(status, "nonvoluntary_ctxt_switches:");
    }
  }
  return switches;
}

}  // namespace espalier
