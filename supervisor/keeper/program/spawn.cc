#include "supervisor/keeper/program/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "supervisor/keeper/program/clone_into.h"
#include "supervisor/keeper/program/small_text.h"

// glibc's clone under the name that ThreadSanitizer does not intercept: its
// wrapper takes every child for one with memory of its own.
extern "C" int __clone(int (*run)(void*), void* stack, int flags,
                       void* argument, ...);

namespace espalier::keeper {
namespace {

constexpr size_t kStackBytes = 32 << 10;
constexpr size_t kGuardBytes = 4 << 10;
constexpr size_t kKeptStacks = 8;
// Entries of the environment.
constexpr size_t kMostAdded = 7;
// The more a pipe holds, the less often its ends wait for each other. The
// kernel refuses it to users who have many.
constexpr int kLogPipeBytes = 1 << 20;

bool MakePipe(OwnedFd* read_end, OwnedFd* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  read_end->Reset(ends[0]);
  write_end->Reset(ends[1]);
  return true;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + kMostAdded + 1);
  for (std::string& s : strings) pointers.push_back(s.data());
  return pointers;
}

// A kernel or a container that does not know, or does not want, clone3.
bool IsDenied(pid_t result) {
  return result == -ENOSYS || result == -EPERM || result == -EINVAL ||
         result == -E2BIG;
}

// The pid, or −1 and errno.
pid_t Clone(void* stack, ChildPlan* plan, int* pidfd, bool* denied) {
  if (plan->cgroup_fd >= 0) {
    const int cgroup_fd = std::exchange(plan->cgroup_fd, -1);
    const pid_t pid = CloneIntoCgroup(
        RunChild, plan, stack, kStackBytes,
        plan->shares_descriptors ? CLONE_FILES : 0, cgroup_fd, pidfd);
    if (pid > 0) return pid;
    errno = -pid;
    if (!IsDenied(pid)) return -1;
    *denied = true;
    plan->cgroup_fd = cgroup_fd;       // It will have to enter by itself.
    plan->shares_descriptors = false;  // This one's end is not ours to await.
  }
  void* top = static_cast<char*>(stack) + kStackBytes;
  const int flags = plan->shares_descriptors ? CLONE_FILES : 0;
  pid_t pid = __clone(RunChild, top, CLONE_VM | CLONE_PIDFD | flags | SIGCHLD,
                      plan, pidfd);
  if (pid >= 0 || errno != EINVAL) return pid;
  // No CLONE_PIDFD. Opening it afterwards is as safe: a child's number cannot
  // be used again before the keeper has reaped it.
  pid = __clone(RunChild, top, CLONE_VM | flags | SIGCHLD, plan);
  if (pid > 0) *pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return pid;
}

}  // namespace

StackPool::~StackPool() {
  for (void* stack : free_) munmap(stack, kStackBytes);
}

void* StackPool::Take() {
  if (!free_.empty()) {
    void* stack = free_.back();
    free_.pop_back();
    return stack;
  }
  void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return nullptr;
  mprotect(stack, kGuardBytes, PROT_NONE);
  return stack;
}

void StackPool::Return(void* stack) {
  if (free_.size() < kKeptStacks) {
    free_.push_back(stack);
  } else {
    munmap(stack, kStackBytes);
  }
}

SpawnJob::SpawnJob(SpawnRequest request, std::vector<OwnedFd> listeners,
                   StackPool* stacks, bool share_descriptors,
                   const std::string& notify_address)
    : request_(std::move(request)),
      listeners_(std::move(listeners)),
      stacks_(stacks),
      share_descriptors_(share_descriptors),
      notify_address_(notify_address) {}

SpawnJob::~SpawnJob() {
  if (stack_ != nullptr) stacks_->Return(stack_);
}

void SpawnJob::BuildEnvironment(std::string_view marker) {
  // Pointers into these strings are handed out, so they must not move.
  added_environment_.reserve(kMostAdded);
  auto add = [this](std::string entry) -> char* {
    return added_environment_.emplace_back(std::move(entry)).data();
  };
  argv_ = Pointers(request_.argv);
  argv_.push_back(nullptr);
  envp_ = Pointers(request_.environment);
  // First, so that whoever looks for it finds it at once.
  envp_.insert(envp_.begin(), add(std::string(marker)));
  if (!request_.listener_names.empty()) {
    std::string names = "LISTEN_FDNAMES=";
    for (const std::string& name : request_.listener_names) {
      if (names.back() != '=') names += ':';
      names += name;
    }
    envp_.push_back(add(std::move(names)));
    envp_.push_back(add("LISTEN_FDS=" + Decimal(listeners_.size())));
    constexpr std::string_view kName = "LISTEN_PID=";
    char* entry = add(std::string(kName) + std::string(12, '\0'));
    listen_pid_ = entry + kName.size();
    envp_.push_back(entry);
  }
  if (!request_.readiness_variable.empty()) {
    envp_.push_back(add(request_.readiness_variable + "=" +
                        Decimal(3 + listeners_.size())));
  }
  if (request_.notify.has_value()) {
    envp_.push_back(add("NOTIFY_SOCKET=" + notify_address_));
    if (const uint64_t ns = request_.notify->watchdog_ns; ns != 0) {
      envp_.push_back(add("WATCHDOG_USEC=" + Decimal(ns / 1000)));
    }
  }
  envp_.push_back(nullptr);
}

ChildPlan SpawnJob::Plan(pid_t keeper_pid, int cgroup_fd) {
  listener_numbers_.clear();
  for (const OwnedFd& fd : listeners_) listener_numbers_.push_back(fd.get());
  const std::string& directory = request_.working_directory;
  return ChildPlan{
      .keeper_pid = keeper_pid,
      .report_path = report_path_.c_str(),
      .program = request_.program.c_str(),
      .argv = argv_.data(),
      .envp = envp_.data(),
      .listen_pid = listen_pid_,
      .working_directory = directory.empty() ? "/" : directory.c_str(),
      .log_path = request_.log_path.empty() || log_write_
                      ? nullptr
                      : request_.log_path.c_str(),
      .log_fd = log_write_.get(),
      .listeners = listener_numbers_.data(),
      .listener_count = listener_numbers_.size(),
      .readiness_fd = readiness_write_.get(),
      .cgroup_fd = cgroup_fd,
      .credentials =
          request_.credentials.has_value() ? &*request_.credentials : nullptr,
      .limits = request_.limits.data(),
      .limit_count = request_.limits.size(),
      .nice = request_.nice.has_value() ? &*request_.nice : nullptr,
      .umask = request_.umask,
      .no_new_privs = request_.no_new_privs,
      .shares_descriptors = MayShareDescriptors(cgroup_fd),
  };
}

bool SpawnJob::MayShareDescriptors(int cgroup_fd) const {
  const auto is_low = [](int fd) { return fd < kFirstHighFd; };
  return share_descriptors_ && is_low(report_.get()) &&
         is_low(readiness_write_.get()) && is_low(log_write_.get()) &&
         is_low(cgroup_fd) &&
         std::all_of(listener_numbers_.begin(), listener_numbers_.end(),
                     is_low);
}

void SpawnJob::CloseChildsEnds() {
  readiness_write_.Reset();
  log_write_.Reset();
  listeners_.clear();
}

SpawnJob::Result SpawnJob::Start(std::string_view marker, pid_t keeper_pid,
                                 int cgroup_fd) {
  auto failed = [](SpawnStage stage) {
    Result result;
    result.stage = stage;
    result.error = errno;
    return result;
  };
  if (OwnedFd childs; !MakePipe(&childs, &report_)) {
    return failed(SpawnStage::kPipe);
  }
  report_path_ =
      "/proc/self/fd/" + Decimal(static_cast<uint64_t>(report_.get()));
  // Only the keeper's ends must not block, and a service must find its own end
  // in the usual state: so the flag is set afterwards, on one end.
  if (!request_.readiness_variable.empty()) {
    if (!MakePipe(&readiness_read_, &readiness_write_)) {
      return failed(SpawnStage::kPipe);
    }
    fcntl(readiness_read_.get(), F_SETFL, O_NONBLOCK);
  }
  if (request_.strict_log.has_value() && !request_.log_path.empty()) {
    if (!MakePipe(&log_read_, &log_write_)) {
      return failed(SpawnStage::kPipe);
    }
    fcntl(log_read_.get(), F_SETFL, O_NONBLOCK);
    fcntl(log_read_.get(), F_SETPIPE_SZ, kLogPipeBytes);
  }
  BuildEnvironment(marker);
  stack_ = stacks_->Take();
  if (stack_ == nullptr) return failed(SpawnStage::kClone);
  plan_ = Plan(keeper_pid, cgroup_fd);
  int pidfd = -1;
  bool denied = false;
  const pid_t pid = Clone(stack_, &plan_, &pidfd, &denied);
  if (pid < 0) return failed(SpawnStage::kClone);
  // The child has copies of its own.
  if (!plan_.shares_descriptors) CloseChildsEnds();
  Result result;
  result.pid = pid;
  result.clone_denied = denied;
  result.pidfd.Reset(pidfd);
  // Out of the way of the next child. Low numbers will do if there are no high
  // ones.
  const int high =
      share_descriptors_ ? fcntl(pidfd, F_DUPFD_CLOEXEC, kFirstHighFd) : -1;
  if (high >= 0) result.pidfd.Reset(high);
  return result;
}

ChildProgress SpawnJob::Progress() const {
  ChildProgress progress;
  __atomic_load(&plan_.progress, &progress, __ATOMIC_ACQUIRE);
  return progress;
}

bool SpawnJob::HasExecuted() const {
  if (Progress() != ChildProgress::kPrepares) return false;
  // It has had its end: that nobody has it any more is what counts.
  pollfd report = {.fd = report_.get(), .events = 0, .revents = 0};
  return poll(&report, 1, 0) > 0;
}

std::optional<ChildFailure> SpawnJob::Failure() const {
  if (Progress() != ChildProgress::kFailed) return std::nullopt;
  return plan_.failure;
}

std::optional<StrictLog> SpawnJob::TakeLog() {
  if (!log_read_) return std::nullopt;
  // Out of the way, like the pidfd.
  const int high = share_descriptors_
                       ? fcntl(log_read_.get(), F_DUPFD_CLOEXEC, kFirstHighFd)
                       : -1;
  if (high >= 0) log_read_.Reset(high);
  return StrictLog(std::move(request_.log_path), request_.generation,
                   *request_.strict_log, std::move(log_read_));
}

bool CanShareDescriptors() {
  // Closes nothing.
  return syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE) == 0;
}

}  // namespace espalier::keeper
