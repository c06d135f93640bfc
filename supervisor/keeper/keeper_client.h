// KeeperClient: starts the keeper, and talks to it.
//
// The keeper is the parent of every service process. It is a small static
// program, embedded in this library and executed from memory, because the
// environment's own process has threads (it must not fork) and can crash (its
// children must not be lost with it). Three processes see to it that nothing of
// a system outlives it:
//
//   environment ──── guard ──── keeper ──── service ──── its children …
//        ▲                        │
//        └──────── socket ────────┘
//
//   killed (kill -9)       who sees it, and how          who ends every service
//   ---------------------  ----------------------------  ---------------------
//   environment            keeper: environment's pidfd   keeper
//   keeper                 guard: its child; client: end guard
//                          of file; services: PDEATHSIG
//   guard                  keeper: PDEATHSIG             keeper
//   environment + keeper   guard                         guard
//   environment + guard    keeper                        keeper
//   keeper + guard         client: end of file;          PDEATHSIG, then the
//                          services: PDEATHSIG           destructor: whatever
//                                                        bears the marker
//
// The guard is a subreaper that holds no descriptor, blocks every signal and
// only waits: processes which escaped their service, or outlived the keeper,
// become its children. All three at once cannot be covered without a cgroup or
// a PID namespace. Guard and keeper lead a session of their own: Ctrl-C reaches
// only the environment.
//
// Threads: not thread-safe; one thread at a time, usually the event loop's.
// Launch may be called while other threads run.
//
// Blocking: Launch and the destructor only; both bounded.
//
// Errors: absl::Status for our own failures. How a service's process failed or
// ended comes as an event.
#ifndef SUPERVISOR_KEEPER_KEEPER_CLIENT_H_
#define SUPERVISOR_KEEPER_KEEPER_CLIENT_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {

struct KeeperOptions {
  // How process trees are killed: the best that works if not set; an error of
  // Launch if this one does not. For tests.
  std::optional<keeper::TreeRung> rung;
  // How long Launch waits for the keeper's Hello, which usually comes after 2
  // or 3 ms.
  absl::Duration launch_timeout = absl::Seconds(30);
  // How long the destructor waits until everything has ended. Only a process in
  // uninterruptible sleep takes as long.
  absl::Duration shutdown_timeout = absl::Seconds(15);
};

class KeeperClient {
 public:
  // Starts guard and keeper, and waits for the Hello. This process must not
  // reap children that it does not know, as waitid(P_ALL) does: the guard is
  // one of its children.
  static absl::StatusOr<std::unique_ptr<KeeperClient>> Launch(
      const KeeperOptions& options = {});

  // Ends every process of this instance and waits until it is gone, guard
  // included. An error is logged if that takes longer than shutdown_timeout.
  ~KeeperClient();

  // Begins with that, without waiting. Nothing may be asked of it afterwards.
  void BeginEnd();

  KeeperClient(const KeeperClient&) = delete;
  KeeperClient& operator=(const KeeperClient&) = delete;

  // Requests. Each is queued; Flush sends. See protocol.h for what they do.
  //
  // `listeners` are borrowed for the call only (duplicates are sent), one for
  // each of `request.listener_names`. InvalidArgument if the request cannot be
  // sent at all: a relative program path, a NUL in a string, more than
  // kMaxListeners, more than kMaxFrameBytes, an id above kMaxId.
  // ResourceExhausted if a listener cannot be duplicated for lack of
  // descriptors: worth another try later. Everything else that can go wrong
  // comes as SpawnFailed.
  absl::Status Spawn(const keeper::SpawnRequest& request,
                     absl::Span<const int> listeners = {});
  void Stop(uint32_t id, uint64_t generation, int signal,
            absl::Duration grace);  // InfiniteDuration: never kill.
  void Kill(uint32_t id, uint64_t generation);
  void Signal(uint32_t id, uint64_t generation, int signal);
  // Ends everything without waiting; the end shows at fd() and guard_pidfd().
  // The destructor does it too.
  void Shutdown();
  // See FreezeRequest.
  void Freeze(uint32_t id, uint64_t generation, bool frozen);

  // Sends what is queued, as far as the socket takes it. Call it once in a turn
  // of the loop, after all requests of that turn, and again when fd() is
  // writable while wants_write(). A lost keeper is not an error here:
  // ReadEvents tells.
  void Flush();
  bool wants_write() const { return !outgoing_.empty(); }

  // Watch for readability, then call ReadEvents. Valid for the client's
  // lifetime.
  int fd() const { return socket_.get(); }

  // Everything that has arrived, in order; empty if nothing has. Unavailable
  // when the keeper is lost and all of its events have been returned: its
  // services are being ended, or are already gone; this client is of no further
  // use.
  absl::StatusOr<std::vector<keeper::Event>> ReadEvents();

  // Readable when the guard has ended, which is when nothing that it guards is
  // left. Valid for the client's lifetime.
  int guard_pidfd() const { return guard_pidfd_.get(); }

  // What the keeper said of itself: pid, rung, token of the marker.
  const keeper::HelloEvent& hello() const { return hello_; }
  pid_t keeper_pid() const { return hello_.keeper_pid; }
  pid_t guard_pid() const { return guard_pid_; }

 private:
  // One sendmsg: descriptors go with the first byte.
  struct Chunk {
    std::string bytes;
    size_t sent = 0;
    std::vector<keeper::OwnedFd> descriptors;
  };

  KeeperClient(const KeeperOptions& options, keeper::OwnedFd socket,
               pid_t guard_pid, keeper::OwnedFd guard_pidfd);

  absl::Status ReceiveHello(absl::Time deadline);
  void Queue(const keeper::Request& request,
             std::vector<keeper::OwnedFd> descriptors = {});
  bool SendChunk(Chunk& chunk);  // True if it has been sent completely.
  absl::Status Receive();        // Reads the socket until it is empty.
  absl::Status LostStatus() const;
  // Both wait until it has ended; false if it has not by then.
  bool AwaitGuard(absl::Time deadline);
  bool AwaitKeeper(absl::Time deadline);
  // Kills what bears the marker of this instance; false as above.
  bool EndMarked(absl::Time deadline);

  const KeeperOptions options_;
  keeper::OwnedFd socket_;
  const pid_t guard_pid_;
  keeper::OwnedFd guard_pidfd_;
  // Tells whether both were killed. Opened when the keeper greets, so that a
  // number which was used again is not mistaken for it.
  keeper::OwnedFd keeper_pidfd_;
  keeper::HelloEvent hello_;
  std::deque<Chunk> outgoing_;
  std::string incoming_;  // Bytes not yet decoded.
  bool lost_ = false;
  bool guard_finished_ = false;  // It ended by itself, not by a signal.
};

}  // namespace espalier

#endif  // SUPERVISOR_KEEPER_KEEPER_CLIENT_H_
