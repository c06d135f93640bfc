// What the keeper and its client say to each other, and how that is laid out on
// their socket.
//
// Both ends come from one build, so the format may change with every release;
// the Hello that opens a connection carries kProtocolVersion all the same, and
// a client refuses another one. A frame is
//
//   u32 length of what follows │ u8 kind │ body
//
// in the byte order of the machine. Strings are a u32 length and their bytes,
// lists a u32 count and their items, an optional value a bool and the value. A
// frame has kMaxFrameBytes at most. Descriptors travel beside a Spawn
// (SCM_RIGHTS, sent with its first byte); the frame says how many belong to it.
//
// Everything here is pure: no system calls, no clock, no dependency but the
// standard library. Decoding checks every bound, refuses what is left over at
// the end of a frame, and never allocates more than the frame's own size
// justifies.
#ifndef SUPERVISOR_KEEPER_PROTOCOL_H_
#define SUPERVISOR_KEEPER_PROTOCOL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace espalier::keeper {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr size_t kMaxFrameBytes = 16 << 20;
inline constexpr size_t kMaxListeners =
    250;  // The kernel passes 253 descriptors in one message.
inline constexpr uint32_t kMaxId = (1 << 20) - 1;

// The environment variable that marks every process of an instance:
// `ESPALIER_SERVICE=<token>/<id>/<generation>`.
inline constexpr std::string_view kMarkerVariable = "ESPALIER_SERVICE";

// How whole process trees are found and killed. The keeper takes the first rung
// that works on this machine.
enum class TreeRung : uint8_t {
  kCgroupKill =
      1,  // A cgroup (v2) for each service, ended by its cgroup.kill file.
  kCgroupFreeze = 2,  // The same on kernels older than 5.14: freeze it, then
                      // signal what it lists.
  kMarker = 3,  // No cgroup can be made: ancestry, session, and the marker in
                // the initial environment.
};

// Where a spawn failed. The errno beside it is the one of that step.
enum class SpawnStage : uint8_t {
  kRequest = 1,  // The request itself: EINVAL (id too large, …), EEXIST (that
                 // id still has a living tree).
  kPipe = 2,     // The pipes for reporting exec and readiness.
  kClone = 3,    // Making the process: EAGAIN, ENOMEM, …
  kParentGone = 4,   // The keeper died meanwhile.
  kDescriptors = 5,  // Putting listeners and the readiness descriptor in place.
  kOpenLog = 6,      // Opening the log file.
  kCgroup = 7,       // Entering the service's cgroup.
  kResourceLimit = 8,  // setrlimit.
  kNice = 9,           // setpriority.
  kOpenProgram = 10,  // Opening the program, which happens before the change of
                      // user: ENOENT, EACCES.
  kUser = 11,         // setgroups, setresgid, setresuid.
  kWorkingDirectory = 12,  // chdir, as the service's user.
  kExec =
      13,  // execve: ENOEXEC, EACCES, ENOENT for a missing interpreter, E2BIG.
};

// "opening the program", for a sentence such as "links: opening the program: No
// such file or directory".
std::string_view SpawnStageName(SpawnStage stage);
std::string_view TreeRungName(TreeRung rung);

struct Credentials {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // The supplementary groups, exactly.
  bool operator==(const Credentials&) const = default;
};

struct ResourceLimit {
  uint32_t resource = 0;  // RLIMIT_NOFILE, …
  uint64_t soft = 0;
  uint64_t hard = 0;
  bool operator==(const ResourceLimit&) const = default;
};

// How the output of a service goes through the keeper instead of straight into
// its file.
struct StrictLogRule {
  uint64_t max_bytes = 0;  // What the log and its times take of the disk.
  // What the file does not take is dropped and counted; otherwise it stays in
  // the pipe, and the service blocks when that is full.
  bool drop = false;
  bool operator==(const StrictLogRule&) const = default;
};

// What the processes of a service may use together; 0 for no limit. In force
// where its cgroup has the controllers; otherwise a Note says so once.
struct TreeLimits {
  uint64_t memory_bytes = 0;
  uint64_t cpu_us = 0;  // Processor time in each 100 ms.
  uint64_t tasks = 0;   // Processes and threads.
  bool operator==(const TreeLimits&) const = default;
};

// How a service speaks of itself by sd_notify(3): it finds the address of a
// socket in NOTIFY_SOCKET. Only what its own processes send there counts.
struct NotifyRule {
  // If not 0: from READY=1 on, WATCHDOG=1 has to come at least this often
  // (nanoseconds), and the service finds it in WATCHDOG_USEC.
  uint64_t watchdog_ns = 0;
  bool operator==(const NotifyRule&) const = default;
};

// ─── Requests: client → keeper
// ────────────────────────────────────────────────────────────────────────────────────

// Starts a process. Answered by Spawned, or by SpawnFailed, after which nothing
// of it is left.
//
// The child has: a session of its own, SIGKILL when the keeper dies, all
// signals unblocked and at their defaults, /dev/null as standard input, the log
// as standard output and error, the listeners from 3 on, then the readiness
// descriptor, and nothing else. Its environment is `environment`, plus the
// marker, plus LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES if there are
// listeners.
struct SpawnRequest {
  uint32_t id = 0;  // The service, at most kMaxId: small numbers, used again,
                    // since they index a table.
  uint64_t generation =
      0;  // The run of that service. Every later request and event names both.
  std::string program;                   // Absolute path.
  std::vector<std::string> argv;         // With argv[0].
  std::vector<std::string> environment;  // "NAME=value", the whole of it.
  std::string working_directory;         // Absolute; empty means "/".
  std::string log_path;  // Appended to, made 0600 by the keeper's user; empty
                         // means /dev/null.
  std::optional<StrictLogRule> strict_log;  // Default: the file itself is the
                                            // output.
  std::vector<std::string> listener_names;  // One for each descriptor that
                                            // comes along; no ':' in them.
  // If not empty: the child gets the writing end of a pipe whose number is in
  // this variable; its first newline is reported as Ready.
  std::string readiness_variable;
  std::optional<Credentials>
      credentials;  // Default: the keeper's, that is the environment's.
  std::vector<ResourceLimit>
      limits;  // Others stay as the environment's process has them.
  std::optional<int32_t> nice;  // Absolute niceness, −20 … 19.
  uint32_t umask = 022;
  bool no_new_privs = false;
  TreeLimits tree;
  std::optional<NotifyRule> notify;  // READY=1 is reported as Ready.
  bool operator==(const SpawnRequest&) const = default;
};

// Asks the main process to end, and makes sure of it: the signal now, SIGKILL
// to the whole tree after `grace_ns` (nanoseconds, 0 = at once). When the main
// process has ended, what is left of its tree is killed without waiting. A
// later Stop with a shorter grace brings the deadline forward. Ignored if that
// generation is gone.
struct StopRequest {
  uint32_t id = 0;
  uint64_t generation = 0;
  int32_t signal = 0;
  uint64_t grace_ns = 0;
  bool operator==(const StopRequest&) const = default;
};

// Kills the whole tree at once. Ignored if that generation is gone.
struct KillRequest {
  uint32_t id = 0;
  uint64_t generation = 0;
  bool operator==(const KillRequest&) const = default;
};

// Sends a signal to the main process. Ignored if that has ended.
struct SignalRequest {
  uint32_t id = 0;
  uint64_t generation = 0;
  int32_t signal = 0;
  bool operator==(const SignalRequest&) const = default;
};

// Freezes the whole tree, or lets it go on. Without a cgroup these are SIGSTOP
// and SIGCONT for the processes there are: one that forks at that moment may
// escape, and parents are told. Stop and Kill thaw. Ignored if that generation
// is gone.
struct FreezeRequest {
  uint32_t id = 0;
  uint64_t generation = 0;
  bool frozen = true;
  bool operator==(const FreezeRequest&) const = default;
};

// Kills everything, then ends the keeper. Closing the socket means the same.
struct ShutdownRequest {
  bool operator==(const ShutdownRequest&) const = default;
};

using Request = std::variant<SpawnRequest, StopRequest, KillRequest,
                             SignalRequest, ShutdownRequest, FreezeRequest>;

// ─── Events: keeper → client
// ──────────────────────────────────────────────────────────────────────────────────────

// The first event, once.
struct HelloEvent {
  uint32_t version = kProtocolVersion;
  int32_t keeper_pid = 0;
  TreeRung rung = TreeRung::kMarker;
  std::string token;  // Random; first part of every marker of this instance.
  std::string note;  // Why a better rung is not in force; empty if the best is.
  bool operator==(const HelloEvent&) const = default;
};

// The program is running: execve succeeded. (A process that is killed between
// its creation and its execve is reported as Spawned and Exited, too.)
struct SpawnedEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  int32_t pid = 0;
  bool operator==(const SpawnedEvent&) const = default;
};

// The program is not running; nothing of it is left. Neither Exited nor Drained
// follows.
struct SpawnFailedEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  SpawnStage stage = SpawnStage::kRequest;
  int32_t error = 0;  // errno
  bool operator==(const SpawnFailedEvent&) const = default;
};

// A newline came on the readiness descriptor, or READY=1. At most once.
struct ReadyEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  bool operator==(const ReadyEvent&) const = default;
};

// Another process of the service is its main process from now on (MAINPID=):
// the one before ended with exit code 0. Between Spawned and Exited.
struct MainProcessEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  int32_t pid = 0;
  bool operator==(const MainProcessEvent&) const = default;
};

// The main process ended. Exactly once after Spawned.
struct ExitedEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  int32_t code = 0;    // CLD_EXITED, CLD_KILLED or CLD_DUMPED, as in siginfo_t.
  int32_t status = 0;  // The exit code, or the signal.
  // The kernel killed it for lack of memory: known of its own cgroup. Otherwise
  // it was killed without our doing after the kernel had killed something in
  // the cgroup that the keeper is in.
  bool oom_killed = false;
  uint64_t user_ns =
      0;  // Processor time of the process and the children it waited for.
  uint64_t system_ns = 0;
  uint64_t max_rss_kib = 0;
  bool operator==(const ExitedEvent&) const = default;
};

// Nothing of this generation is left. Exactly once, always after Exited; only
// then may the id be spawned again.
struct DrainedEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  bool operator==(const DrainedEvent&) const = default;
};

// Output of this generation could not be written: blocked or, with the numbers
// so far, dropped. Comes when that begins, and before Drained if anything was
// lost.
struct LogLossEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  int32_t error = 0;  // errno; 0 if writing works again.
  uint64_t lost_bytes = 0;
  uint64_t lost_lines = 0;
  bool operator==(const LogLossEvent&) const = default;
};

// STATUS= came: one line without control characters, 256 bytes at most.
struct StatusEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  std::string text;
  bool operator==(const StatusEvent&) const = default;
};

// WATCHDOG=1 did not come in time, or WATCHDOG=trigger came. At most once.
struct WatchdogLostEvent {
  uint32_t id = 0;
  uint64_t generation = 0;
  bool operator==(const WatchdogLostEvent&) const = default;
};

// Something works less well on this machine than it might, in a sentence; each
// is told once.
struct NoteEvent {
  std::string text;
  bool operator==(const NoteEvent&) const = default;
};

// A frame or a notification was malformed or not its sender's to send, and had
// no effect. If even its length made no sense,
// the keeper ends everything after this. Of refused notifications, which
// anybody can send, only the first, second, fourth, eighth … are told.
struct RefusedEvent {
  uint64_t count = 0;  // Of all that were refused so far.
  std::string reason;
  bool operator==(const RefusedEvent&) const = default;
};

using Event =
    std::variant<HelloEvent, SpawnedEvent, SpawnFailedEvent, ReadyEvent,
                 ExitedEvent, DrainedEvent, RefusedEvent, LogLossEvent,
                 StatusEvent, WatchdogLostEvent, NoteEvent, MainProcessEvent>;

// ─── Frames
// ───────────────────────────────────────────────────────────────────────────────────────────────────────

// Appends one frame to `*out`. The caller has made sure that it fits into
// kMaxFrameBytes; EncodedSize tells.
void Encode(const Request& request, std::string* out);
void Encode(const Event& event, std::string* out);

// Bytes that Encode would append.
size_t EncodedSize(const Request& request);

enum class FrameResult {
  kFrame,       // *frame is the next whole frame (kind and body), *consumed its
                // bytes with the length.
  kIncomplete,  // More bytes are needed.
  kMalformed,   // The length is 0 or above kMaxFrameBytes: the stream cannot be
                // understood any more.
};

// Finds the frame at the start of `bytes`; `*frame` points into them.
FrameResult NextFrame(std::string_view bytes, std::string_view* frame,
                      size_t* consumed);

// Decodes a frame found by NextFrame. False if it is malformed; the result is
// then unspecified.
bool Decode(std::string_view frame, Request* request);
bool Decode(std::string_view frame, Event* event);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROTOCOL_H_
