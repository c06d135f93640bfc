#include "supervisor/keeper/keeper_client.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/keeper/embedded_keeper.h"
#include "supervisor/keeper/program/end_descendants.h"
#include "supervisor/keeper/program/inherited.h"

namespace espalier {
namespace {

using keeper::OwnedFd;

// What is queued goes out in pieces of about this size.
constexpr size_t kChunkBytes = 64 << 10;
// Far above every number at which the program expects a descriptor.
constexpr int kHighFd = 16;

absl::Status SystemError(absl::string_view what) {
  return absl::ErrnoToStatus(
      errno, absl::StrCat("the keeper cannot be started: ", what));
}

// Whatever is found out of processes is read there, by their numbers.
absl::Status CheckProc() {
  char self[32] = "";
  const ssize_t n = readlink("/proc/self", self, sizeof self - 1);
  if (n > 0 && absl::StrCat(getpid()) == absl::string_view(self, n)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      "the keeper cannot be started: /proc is not there or shows the processes "
      "of another PID namespace; mount one of this namespace (for example with "
      "unshare --mount-proc)");
}

absl::StatusOr<OwnedFd> ProgramInMemory() {
#ifndef MFD_EXEC
  constexpr unsigned kMfdExec = 0x0010U;
#else
  constexpr unsigned kMfdExec = MFD_EXEC;
#endif
  OwnedFd file(memfd_create("espalier-keeper", MFD_CLOEXEC | kMfdExec));
  if (!file && errno == EINVAL) {  // Linux before 6.3
    file.Reset(memfd_create("espalier-keeper", MFD_CLOEXEC));
  }
  if (!file) return SystemError("memfd_create");
  std::string_view program = EmbeddedKeeper();
  while (!program.empty()) {
    const ssize_t written = write(file.get(), program.data(), program.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("writing to a memory file");
    program.remove_prefix(static_cast<size_t>(written));
  }
  return file;
}

// Duplicates out of the way of the numbers that the child is given.
absl::StatusOr<OwnedFd> HighDuplicate(int fd) {
  OwnedFd duplicate(fcntl(fd, F_DUPFD_CLOEXEC, kHighFd));
  if (!duplicate) return SystemError("duplicating a descriptor");
  return duplicate;
}

// Starts the guard with exactly these descriptors, and /dev/null as 0 to 2.
absl::StatusOr<pid_t> SpawnGuard(int socket, int environment, int program,
                                 const std::string& rung) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd <= 2; ++fd) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, socket, keeper::kSocketFd);
  posix_spawn_file_actions_adddup2(&actions, environment,
                                   keeper::kEnvironmentPidfd);
  posix_spawn_file_actions_adddup2(&actions, program, keeper::kProgramFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, keeper::kFirstFreeFd);
  // No signal of ours may end it before it has blocked them all itself, and a
  // terminal's must not reach it at all.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  const std::string path = absl::StrCat("/proc/self/fd/", keeper::kProgramFd);
  std::string name = "espalier-keeper";
  std::string rung_argument = rung;
  char* argv[] = {name.data(), rung_argument.data(), nullptr};
  // If this process belongs to a service of another instance, that one's keeper
  // must be able to recognise the guard, too.
  const std::string variable(keeper::kMarkerVariable);
  const char* enclosing = getenv(variable.c_str());
  std::string marker =
      absl::StrCat(variable, "=", enclosing == nullptr ? "" : enclosing);
  char* envp[] = {enclosing == nullptr ? nullptr : marker.data(), nullptr};
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, path.c_str(), &actions, &attributes, argv, envp);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  errno = error;
  return SystemError("posix_spawn");
}

// Blocks until there is something to read; false if there is not by `deadline`.
// Deadlines do not move when somebody sets the clock.
absl::Time MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::TimeFromTimespec(now);
}

// By a deadline of MonotonicNow().
bool AwaitReadable(int fd, absl::Time deadline) {
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  while (true) {
    const int64_t ms = absl::ToInt64Milliseconds(
        absl::Ceil(deadline - MonotonicNow(), absl::Milliseconds(1)));
    const int ready = poll(&entry, 1, std::clamp<int64_t>(ms, 0, INT_MAX));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (ready == 0 && ms <= INT_MAX) return false;
  }
}

bool HasNul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

absl::Status CheckRequest(const keeper::SpawnRequest& request,
                          size_t listeners) {
  if (request.id > keeper::kMaxId) {
    return absl::InvalidArgumentError("too many services for one keeper");
  }
  if (request.program.empty() || request.program[0] != '/') {
    return absl::InvalidArgumentError(absl::StrCat(
        "the path of the program '", request.program, "' is not absolute"));
  }
  if (listeners != request.listener_names.size() ||
      listeners > keeper::kMaxListeners) {
    return absl::InvalidArgumentError(
        absl::StrCat("a process can inherit at most ", keeper::kMaxListeners,
                     " listeners, each with a name"));
  }
  bool nul = HasNul(request.program) || HasNul(request.working_directory) ||
             HasNul(request.log_path) || HasNul(request.readiness_variable);
  for (const std::string& text : request.argv) nul |= HasNul(text);
  for (const std::string& text : request.environment) nul |= HasNul(text);
  for (const std::string& text : request.listener_names) nul |= HasNul(text);
  if (nul) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a NUL character cannot be passed to the program ", request.program));
  }
  if (keeper::EncodedSize(request) > keeper::kMaxFrameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the arguments and environment of ", request.program,
                     " are larger than ", keeper::kMaxFrameBytes, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeeperClient>> KeeperClient::Launch(
    const KeeperOptions& options) {
  if (absl::Status proc = CheckProc(); !proc.ok()) return proc;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                 ends) != 0) {
    return SystemError("socketpair");
  }
  OwnedFd ours(ends[0]);
  OwnedFd theirs(ends[1]);
  OwnedFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self) return SystemError("pidfd_open (it needs Linux 5.3 or later)");
  absl::StatusOr<OwnedFd> program = ProgramInMemory();
  if (!program.ok()) return program.status();
  // A memory file cannot be executed while it is open for writing.
  absl::StatusOr<OwnedFd> high_socket = HighDuplicate(theirs.get());
  if (!high_socket.ok()) return high_socket.status();
  absl::StatusOr<OwnedFd> high_self = HighDuplicate(self.get());
  if (!high_self.ok()) return high_self.status();
  OwnedFd read_only(open(absl::StrCat("/proc/self/fd/", program->get()).c_str(),
                         O_RDONLY | O_CLOEXEC));
  if (!read_only) return SystemError("opening a memory file (is /proc there?)");
  program->Reset();
  absl::StatusOr<OwnedFd> high_program = HighDuplicate(read_only.get());
  if (!high_program.ok()) return high_program.status();

  absl::StatusOr<pid_t> guard = SpawnGuard(
      high_socket->get(), high_self->get(), high_program->get(),
      absl::StrCat(options.rung ? static_cast<int>(*options.rung) : 0));
  if (!guard.ok()) return guard.status();
  OwnedFd guard_pidfd(static_cast<int>(syscall(SYS_pidfd_open, *guard, 0)));
  if (!guard_pidfd) {
    const absl::Status failed = SystemError("pidfd_open of the guard");
    // The end of the socket ends it.
    ours.Reset();
    waitpid(*guard, nullptr, 0);
    return failed;
  }
  const absl::Time deadline = MonotonicNow() + options.launch_timeout;
  auto client = std::unique_ptr<KeeperClient>(new KeeperClient(
      options, std::move(ours), *guard, std::move(guard_pidfd)));
  theirs.Reset();
  high_socket->Reset();
  if (absl::Status hello = client->ReceiveHello(deadline); !hello.ok()) {
    return hello;
  }
  return client;
}

KeeperClient::KeeperClient(const KeeperOptions& options, OwnedFd socket,
                           pid_t guard_pid, OwnedFd guard_pidfd)
    : options_(options),
      socket_(std::move(socket)),
      guard_pid_(guard_pid),
      guard_pidfd_(std::move(guard_pidfd)) {}

KeeperClient::~KeeperClient() {
  const absl::Time deadline = MonotonicNow() + options_.shutdown_timeout;
  BeginEnd();
  if (AwaitGuard(deadline) && AwaitKeeper(deadline) && EndMarked(deadline)) {
    return;
  }
  LOG(ERROR) << "not every process that was started has ended within "
             << options_.shutdown_timeout << "; the guard, process "
             << guard_pid_ << ", goes on waiting for them";
}

// The end of the socket is the order to end everything.
void KeeperClient::BeginEnd() { shutdown(socket_.get(), SHUT_RDWR); }

bool KeeperClient::AwaitGuard(absl::Time deadline) {
  if (!AwaitReadable(guard_pidfd_.get(), deadline)) return false;
  int status = 0;
  guard_finished_ =
      waitpid(guard_pid_, &status, 0) == guard_pid_ && WIFEXITED(status);
  return true;
}

bool KeeperClient::AwaitKeeper(absl::Time deadline) {
  // The guard outlives the keeper, unless it was killed.
  return !keeper_pidfd_ || AwaitReadable(keeper_pidfd_.get(), deadline);
}

bool KeeperClient::EndMarked(absl::Time deadline) {
  // A guard that came to its own end has left nothing.
  if (guard_finished_) return true;
  while (!hello_.token.empty()) {
    const std::vector<OwnedFd> killed = keeper::KillMarked(hello_.token);
    if (killed.empty()) break;
    for (const OwnedFd& pidfd : killed) {
      if (!AwaitReadable(pidfd.get(), deadline)) return false;
    }
  }
  return true;
}

absl::Status KeeperClient::ReceiveHello(absl::Time deadline) {
  while (true) {
    absl::Status received = Receive();
    std::string_view frame;
    size_t consumed = 0;
    if (keeper::NextFrame(incoming_, &frame, &consumed) ==
        keeper::FrameResult::kFrame) {
      keeper::Event event;
      const bool understood = keeper::Decode(frame, &event);
      const auto* hello = std::get_if<keeper::HelloEvent>(&event);
      if (!understood || hello == nullptr ||
          hello->version != keeper::kProtocolVersion) {
        return absl::InternalError("the keeper speaks another protocol");
      }
      hello_ = *hello;
      keeper_pidfd_.Reset(
          static_cast<int>(syscall(SYS_pidfd_open, hello_.keeper_pid, 0)));
      incoming_.erase(0, consumed);
      return absl::OkStatus();
    }
    if (!received.ok() || lost_) {
      return absl::UnavailableError(
          options_.rung
              ? absl::StrCat("the keeper ended at once; perhaps process trees "
                             "cannot be killed by ",
                             std::string(keeper::TreeRungName(*options_.rung)),
                             " on this machine")
              : "the keeper ended at once");
    }
    if (!AwaitReadable(socket_.get(), deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("the keeper does not answer within ",
                       absl::FormatDuration(options_.launch_timeout)));
    }
  }
}

absl::Status KeeperClient::Spawn(const keeper::SpawnRequest& request,
                                 absl::Span<const int> listeners) {
  if (absl::Status status = CheckRequest(request, listeners.size());
      !status.ok()) {
    return status;
  }
  std::vector<OwnedFd> duplicates;
  for (int fd : listeners) {
    OwnedFd duplicate(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!duplicate) {
      return absl::ResourceExhaustedError(
          absl::StrCat("duplicating a listener: ", strerror(errno)));
    }
    duplicates.push_back(std::move(duplicate));
  }
  Queue(request, std::move(duplicates));
  return absl::OkStatus();
}

void KeeperClient::Stop(uint32_t id, uint64_t generation, int signal,
                        absl::Duration grace) {
  // An infinite one becomes three centuries.
  const int64_t ns = std::max<int64_t>(absl::ToInt64Nanoseconds(grace), 0);
  Queue(keeper::StopRequest{.id = id,
                            .generation = generation,
                            .signal = signal,
                            .grace_ns = static_cast<uint64_t>(ns)});
}

void KeeperClient::Kill(uint32_t id, uint64_t generation) {
  Queue(keeper::KillRequest{.id = id, .generation = generation});
}

void KeeperClient::Signal(uint32_t id, uint64_t generation, int signal) {
  Queue(keeper::SignalRequest{
      .id = id, .generation = generation, .signal = signal});
}

void KeeperClient::Freeze(uint32_t id, uint64_t generation, bool frozen) {
  Queue(keeper::FreezeRequest{
      .id = id, .generation = generation, .frozen = frozen});
}

void KeeperClient::Shutdown() { Queue(keeper::ShutdownRequest{}); }

void KeeperClient::Queue(const keeper::Request& request,
                         std::vector<OwnedFd> descriptors) {
  if (lost_) return;
  // Descriptors go with the first byte of a chunk, so they begin one.
  if (outgoing_.empty() || !descriptors.empty() ||
      !outgoing_.back().descriptors.empty() ||
      outgoing_.back().bytes.size() >= kChunkBytes) {
    outgoing_.emplace_back();
    outgoing_.back().descriptors = std::move(descriptors);
  }
  keeper::Encode(request, &outgoing_.back().bytes);
}

void KeeperClient::Flush() {
  while (!outgoing_.empty() && SendChunk(outgoing_.front())) {
    outgoing_.pop_front();
  }
}

bool KeeperClient::SendChunk(Chunk& chunk) {
  while (chunk.sent < chunk.bytes.size()) {
    iovec bytes{.iov_base = chunk.bytes.data() + chunk.sent,
                .iov_len = chunk.bytes.size() - chunk.sent};
    msghdr message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    std::vector<char> control(
        CMSG_SPACE(chunk.descriptors.size() * sizeof(int)));
    if (!chunk.descriptors.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(chunk.descriptors.size() * sizeof(int));
      int* numbers = reinterpret_cast<int*>(CMSG_DATA(header));
      for (size_t i = 0; i < chunk.descriptors.size(); ++i) {
        numbers[i] = chunk.descriptors[i].get();
      }
    }
    const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ETOOMANYREFS)) return false;
    if (sent < 0) {
      // The keeper is gone; ReadEvents tells.
      return true;
    }
    chunk.descriptors.clear();
    chunk.sent += static_cast<size_t>(sent);
  }
  return true;
}

absl::Status KeeperClient::Receive() {
  char buffer[64 << 10];
  while (!lost_) {
    const ssize_t got = recv(socket_.get(), buffer, sizeof buffer, 0);
    if (got > 0) {
      incoming_.append(buffer, static_cast<size_t>(got));
      // Nothing is left: whoever is told may do with one call.
      if (static_cast<size_t>(got) < sizeof buffer) return absl::OkStatus();
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else if (got < 0 && errno == EAGAIN) {
      return absl::OkStatus();
    } else {
      lost_ = true;
      outgoing_.clear();
    }
  }
  return LostStatus();
}

absl::Status KeeperClient::LostStatus() const {
  return absl::UnavailableError(
      absl::StrCat("the keeper (pid ", hello_.keeper_pid,
                   ") has ended unexpectedly, and with it every service"));
}

absl::StatusOr<std::vector<keeper::Event>> KeeperClient::ReadEvents() {
  absl::Status received = Receive();
  std::vector<keeper::Event> events;
  size_t parsed = 0;
  while (true) {
    std::string_view frame;
    size_t consumed = 0;
    const keeper::FrameResult result = keeper::NextFrame(
        std::string_view(incoming_).substr(parsed), &frame, &consumed);
    if (result == keeper::FrameResult::kIncomplete) break;
    keeper::Event event;
    if (result == keeper::FrameResult::kMalformed ||
        !keeper::Decode(frame, &event)) {
      return absl::InternalError("the keeper sent something malformed");
    }
    parsed += consumed;
    events.push_back(std::move(event));
  }
  incoming_.erase(0, parsed);
  if (events.empty() && !received.ok()) return received;
  return events;
}

}  // namespace espalier
