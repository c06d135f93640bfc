// Keeper: the loop that spawns, watches, reaps and kills, as it is told.
//
// One generation of one service is in one of these states:
//
//   kFree ──Spawn──► kSpawning ──exec──► kRunning ──reaped──► kDraining ──►
//   kFree
//                        └──failed, reaped──► kFree         nothing left:
//                        Drained
//
// In strict mode, what is in the pipe of its output goes into the log before it
// is Drained (kLogDraining); see log_pump.h.
//
// A tree is swept (see tree_killer.h) when its main process has been reaped,
// when Kill or a deadline asks for it, and whenever the killer says that
// something has changed since. Sweeps are gathered: one at the end of each turn
// of the loop.
//
// The loop sleeps in epoll_wait. At rest there is no timer, and nothing wakes
// it.
#ifndef SUPERVISOR_KEEPER_PROGRAM_KEEPER_H_
#define SUPERVISOR_KEEPER_PROGRAM_KEEPER_H_

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/connection.h"
#include "supervisor/keeper/program/deadlines.h"
#include "supervisor/keeper/program/log_pump.h"
#include "supervisor/keeper/program/notify_socket.h"
#include "supervisor/keeper/program/orphan_watch.h"
#include "supervisor/keeper/program/own_cgroup.h"
#include "supervisor/keeper/program/poller.h"
#include "supervisor/keeper/program/service_marker.h"
#include "supervisor/keeper/program/spawn.h"
#include "supervisor/keeper/program/tree_killer.h"
#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

struct KeeperSettings {
  OwnedFd socket;
  OwnedFd environment_pidfd;
  std::optional<TreeRung> forced_rung;
};

class Keeper {
 public:
  Keeper(KeeperSettings settings, OrphanWatch* orphans);

  // Serves until it is told to shut down, the socket closes, the environment or
  // the guard dies, or the stream makes no sense; then ends every process and
  // returns. The code is the one to exit with.
  int Run();

 private:
  enum class State : uint8_t {
    kFree,
    kSpawning,
    kRunning,
    kDraining,
    kLogDraining
  };

  // Kept small: there is one for each service.
  struct Slot {
    uint64_t generation = 0;
    std::unique_ptr<SpawnJob> job;  // Until exec is reported.
    OwnedFd pidfd;                  // Until reaped.
    OwnedFd heir;                   // Who is to be the main process next.
    OwnedFd readiness;
    pid_t pid = 0;
    pid_t heir_pid = 0;
    int32_t error = 0;  // Of a failed spawn, at `stage`.
    SpawnStage stage = SpawnStage::kRequest;
    State state = State::kFree;
    bool attention = false;  // In attention_.
    bool unwatched = false;  // In unwatched_.
    bool piped = false;      // Its output is being moved.
    bool stopped = false;    // It was asked for.
    bool killed = false;     // A Kill was.
    bool notify = false;     // It may speak by the notification socket.
    bool ready = false;      // It has said so there.
    bool frozen = false;
    uid_t uid = 0;             // Who it runs as.
    uint64_t watchdog_ns = 0;  // How often it has to say that it lives, or 0.
    uint64_t alive_at_ns = 0;  // When it last did.
  };

  bool Start();
  void Turn();
  void HandleEvent(const PollEvent& event);
  void HandleRequests();
  void HandleSignals();
  void HandleDeadlines();

  void Handle(SpawnRequest& request, Connection::Received& received);
  void Handle(const StopRequest& request);
  void Handle(const KillRequest& request);
  void Handle(const SignalRequest& request);
  void Handle(const FreezeRequest& request);
  void Thaw(uint32_t id, Slot& slot);
  bool OpenNotifySocket();

  // The slot of a generation that is not gone; null otherwise.
  Slot* Find(uint32_t id, uint64_t generation);
  void FailSpawn(uint32_t id, uint64_t generation, SpawnStage stage, int error);
  void Watch(uint32_t id, Slot& slot);
  bool WatchMainProcess(int pidfd, uint64_t key);
  void OnExecReport(uint32_t id, Slot& slot);
  void Executed(uint32_t id, Slot& slot);
  void EndSpawn(Slot& slot);
  // After many spawns: what they took is several times what is kept of them.
  void GiveMemoryBack();
  void OnReadiness(uint32_t id, Slot& slot);
  void OnMainProcess(uint32_t id, Slot& slot);
  void TellIfDead(const Slot& slot);
  bool OomKilled(uint32_t id, const Slot& slot, const siginfo_t& info);
  void ReportExit(uint32_t id, Slot& slot, const siginfo_t& info,
                  const rusage& usage);
  void OnLogNews();
  void GiveLogUp(uint32_t id, Slot& slot);

  // keeper_notify.cc
  void HandleNotifications();
  void HandleNotification(uint32_t id, Slot& slot,
                          const NotifyMessage& message);
  // The service whose own the sender is; nothing if none's.
  std::optional<uint32_t> SenderOf(
      const NotifySocket::Received& received) const;
  std::optional<uint32_t> ServiceOf(pid_t pid) const;
  std::optional<uint32_t> MarkedService(pid_t pid) const;
  // False if `pid` is not a process of the service.
  bool NameHeir(uint32_t id, Slot& slot, pid_t pid);
  void ForgetHeir(Slot& slot);
  // The main process has ended: if another has been named, it takes over.
  bool HandOver(uint32_t id, Slot& slot, const siginfo_t& ended);
  void CheckWatchdog(uint32_t id, Slot& slot);
  void LoseWatchdog(uint32_t id, Slot& slot);
  void RefuseNotification(const char* reason);

  void Drained(uint32_t id);
  void Retire();
  static bool HasTree(const Slot& slot);
  void NeedsSweep(uint32_t id);
  void Sweep();
  uint64_t KeyOf(uint32_t id, const Slot& slot) const;
  void UpdateSocketInterest();

  OrphanWatch* const orphans_;
  const std::optional<TreeRung> forced_rung_;
  Connection connection_;
  OwnedFd environment_;
  OwnedFd signals_;
  Poller poller_;
  StackPool stacks_;
  const bool share_descriptors_ = CanShareDescriptors();
  Deadlines deadlines_;
  LogPump logs_;
  NotifySocket notify_;  // Opened when it is first needed.
  uint64_t refused_notifications_ = 0;
  // What children may keep open, if the keeper itself may keep more.
  std::optional<ResourceLimit> childs_files_;
  bool told_clone_denied_ = false;
  bool told_limits_ = false;
  std::optional<ServiceMarker> marker_;  // Once started.
  OwnOomKills own_oom_kills_;
  std::unique_ptr<TreeKiller> killer_;
  std::vector<Slot> slots_;          // By id.
  std::vector<uint32_t> attention_;  // To be swept this turn.
  std::vector<uint32_t> unwatched_;  // To be swept after a SIGCHLD.
  std::vector<uint32_t> retired_;    // Stopped on purpose, and drained.
  uint32_t socket_interest_ = 0;
  size_t spawning_ = 0;         // How many slots have a job.
  size_t spawned_ = 0;          // Since memory was given back.
  bool children_died_ = false;  // Perhaps orphans, to be reaped.
  bool ending_ = false;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_KEEPER_H_
