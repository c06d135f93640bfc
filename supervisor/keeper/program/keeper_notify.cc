// What services say of themselves, and whether it is theirs to say.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "supervisor/keeper/program/clock.h"
#include "supervisor/keeper/program/keeper.h"
#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

// Per turn of the loop, so that whoever floods the socket does not keep it from
// all else.
constexpr int kMessagesPerTurn = 64;
// Of parents, from a sender up to a child of ours.
constexpr int kMostAncestors = 64;

}  // namespace

void Keeper::HandleNotifications() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto received = notify_.Receive();
    if (!received.has_value()) return;
    if (!received->message.has_value()) {
      RefuseNotification("a malformed notification");
      continue;
    }
    const auto id = SenderOf(*received);
    if (!id.has_value()) {
      RefuseNotification("a notification from a process of no service");
      continue;
    }
    HandleNotification(*id, slots_[*id], *received->message);
  }
}

std::optional<uint32_t> Keeper::SenderOf(
    const NotifySocket::Received& received) const {
  const auto id = ServiceOf(received.pid);
  if (!id.has_value()) return std::nullopt;
  const Slot& slot = slots_[*id];
  if (!slot.notify || slot.state == State::kFree) return std::nullopt;
  // A part of the service that is still root's may speak for it as well.
  if (received.uid != slot.uid && received.uid != 0) return std::nullopt;
  return id;
}

std::optional<uint32_t> Keeper::ServiceOf(pid_t pid) const {
  const pid_t keeper = getpid();
  for (int i = 0; i < kMostAncestors && pid > 1; ++i) {
    for (uint32_t id = 0; id < slots_.size(); ++id) {
      if (slots_[id].pid == pid && slots_[id].pidfd) return id;
    }
    const auto process = ReadProcess(pid);
    if (!process.has_value()) return std::nullopt;
    // An orphan, of which only its marker tells whose it was.
    if (process->parent == keeper) return MarkedService(pid);
    pid = process->parent;
  }
  return std::nullopt;
}

std::optional<uint32_t> Keeper::MarkedService(pid_t pid) const {
  const auto run = marker_->Find(pid);
  const bool is_ours = run.has_value() && run->id < slots_.size() &&
                       *run == RunOf(run->id, slots_[run->id].generation);
  return is_ours ? std::optional(run->id) : std::nullopt;
}

void Keeper::HandleNotification(uint32_t id, Slot& slot,
                                const NotifyMessage& message) {
  if (message.main_pid.has_value() && !NameHeir(id, slot, *message.main_pid)) {
    return RefuseNotification("MAINPID of a process that is not the service's");
  }
  // What is sent before exec has been reported comes from the program too.
  if (slot.state == State::kSpawning) Executed(id, slot);
  const uint64_t generation = slot.generation;
  if (message.status.has_value()) {
    connection_.Send(StatusEvent{
        .id = id, .generation = generation, .text = *message.status});
  }
  if (message.stopping) slot.watchdog_ns = 0;
  if (message.ready && !std::exchange(slot.ready, true)) {
    connection_.Send(ReadyEvent{.id = id, .generation = generation});
    if (slot.watchdog_ns != 0) {
      deadlines_.Add({.at_ns = NowNs() + slot.watchdog_ns,
                      .id = id,
                      .generation = generation,
                      .kind = DeadlineKind::kWatchdog});
    }
  }
  if (message.ready || message.watchdog) slot.alive_at_ns = NowNs();
  if (message.watchdog_trigger) LoseWatchdog(id, slot);
}

bool Keeper::NameHeir(uint32_t id, Slot& slot, pid_t pid) {
  ForgetHeir(slot);
  if (pid == slot.pid) return true;
  // Opened first: whose it is would mean nothing of who has the number later.
  OwnedFd heir(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!heir || ServiceOf(pid) != id) return false;
  orphans_->Keep(pid);
  slot.heir = std::move(heir);
  slot.heir_pid = pid;
  return true;
}

void Keeper::ForgetHeir(Slot& slot) {
  if (!slot.heir) return;
  orphans_->Release(slot.heir_pid);
  slot.heir.Reset();
}

bool Keeper::HandOver(uint32_t id, Slot& slot, const siginfo_t& ended) {
  // By now it is an orphan, and so our child; unless it has other parents, and
  // then nobody could tell us how it ends.
  siginfo_t ignored = {};
  const bool accepted = slot.heir && slot.state == State::kRunning &&
                        ended.si_code == CLD_EXITED && ended.si_status == 0 &&
                        syscall(SYS_waitid, P_PIDFD, slot.heir.get(), &ignored,
                                WEXITED | WNOHANG | WNOWAIT, nullptr) == 0 &&
                        WatchMainProcess(slot.heir.get(), KeyOf(id, slot));
  if (!accepted) return false;
  poller_.Close(&slot.pidfd);
  killer_->MainEnded(slot.pid);
  slot.pidfd = std::move(slot.heir);
  slot.pid = slot.heir_pid;
  killer_->MainStarted(id, slot.pid);
  connection_.Send(MainProcessEvent{
      .id = id, .generation = slot.generation, .pid = slot.pid});
  return true;
}

void Keeper::CheckWatchdog(uint32_t id, Slot& slot) {
  if (slot.watchdog_ns == 0) return;
  // What is frozen cannot say that it lives.
  const uint64_t from = slot.frozen ? NowNs() : slot.alive_at_ns;
  const uint64_t at = from + slot.watchdog_ns;
  if (at <= NowNs()) return LoseWatchdog(id, slot);
  deadlines_.Add({.at_ns = at,
                  .id = id,
                  .generation = slot.generation,
                  .kind = DeadlineKind::kWatchdog});
}

void Keeper::LoseWatchdog(uint32_t id, Slot& slot) {
  if (std::exchange(slot.watchdog_ns, 0) == 0) return;
  connection_.Send(WatchdogLostEvent{.id = id, .generation = slot.generation});
}

void Keeper::RefuseNotification(const char* reason) {
  const uint64_t count = ++refused_notifications_;
  if ((count & (count - 1)) == 0) {
    connection_.Send(RefusedEvent{.count = count, .reason = reason});
  }
}

}  // namespace espalier::keeper
