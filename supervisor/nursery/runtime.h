#ifndef ESPALIER_SUPERVISOR_NURSERY_RUNTIME_H_
#define ESPALIER_SUPERVISOR_NURSERY_RUNTIME_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/engine/engine.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/address_book.h"
#include "supervisor/nursery/group_run.h"
#include "supervisor/task/promise.h"
#include "supervisor/wiring/text.h"

namespace espalier {

struct RuntimeOptions {
  // Decides the jitter of pauses between restarts.
  uint64_t seed = 0;
  // So many services at most start at a time.
  int max_starting = 64;
  // What is not gone so long after it was killed is STUCK.
  absl::Duration kill_deadline = kKillDeadline;
  // Services that somebody else runs: their paths, or path.endpoint, with their
  // addresses ("http://127.0.0.1:8080").
  std::map<std::string, std::string> external = {};
};

// One running environment: passes events to the engine, its orders to the
// backend, and what comes of them to whoever waits. The data flow is a circle:
// event -> Engine::Step -> orders -> backend -> event.
//
// It must outlive every task that runs in it, and may be destroyed when the
// root group has stopped or nothing was ever started. The loop's thread only.
class Runtime final : public Stopper {
 public:
  // `loop` and `backend` must outlive the runtime.
  Runtime(Loop& loop, Backend& backend, RuntimeOptions options = {});
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Backend& backend() { return backend_; }
  const Engine& engine() const { return engine_; }
  const RuntimeOptions& options() const { return options_; }

  // The services in the order of their declaration; an id is an index into it.
  const std::deque<ServiceDefinition>& services() const { return services_; }
  // What the environment as a whole gives to other programs.
  void Publish(HandleData handle) { published_ = std::move(handle); }
  const std::optional<HandleData>& published() const { return published_; }

  // Null if there is none of that path.
  const ServiceDefinition* Find(absl::string_view path) const;

  // The addresses of endpoints, which stay the same.
  AddressBook& addresses() { return addresses_; }

  // Declares a group, whose body has not been run; `path` is its name and those
  // of the groups around it. A group that is run again declares those in it
  // again, and they remain the same. The run lives as long as the runtime, or
  // until it is declared again.
  struct DeclaredGroup {
    GroupId id;
    GroupRun& run;
  };
  absl::StatusOr<DeclaredGroup> AddGroup(const GroupSpec& spec,
                                         const std::string& path);
  // The number that stands for a group among what a task has started.
  static int NumberOf(GroupId id) { return -1 - static_cast<int>(Index(id)); }

  // Declares the service in `group`; its id is set by this. `definition.needs`
  // must have been declared before. A group that is run again declares its
  // services again: the same remains, another takes its place.
  absl::StatusOr<ServiceId> AddService(ServiceDefinition definition,
                                       absl::string_view name, GroupId group);

  // Feeds an event (a request, usually) to the engine. It is handled before the
  // call returns, unless it is made while another one is being handled; then
  // right after that.
  void Handle(Event event);

  // Calls `done` once when the service is ready (or done): OK, or has come to
  // rest without: why. Never from within.
  void WhenStarted(ServiceId id, std::function<void(absl::Status)> done);
  // Calls `done` once when nothing that the service needs belongs to a group,
  // not one of its own, that is being run again, or when `cancelled` holds; at
  // once, from within, if that is so already. A start has to wait for it.
  void WhenMayStart(ServiceId id, std::function<bool()> cancelled,
                    std::function<void()> done);
  // The nursery does not want the service any more that it is about to start.
  // Whoever starts it before it has come to rest does so in vain.
  void CancelStart(ServiceId id);
  // Calls `done` once when `condition` holds, which is looked at after every
  // event and every call of this kind. Never from within.
  void WhenTrue(std::function<bool()> condition, std::function<void()> done);
  // Of a service at rest that a group which is being run again will start, or
  // that waits for such a group: what happens next, "its group shop is run
  // again in 0.4 s (failed 2 of 5 times): …", and when (on the loop's clock) if
  // that is known. Nothing for others.
  struct Outlook {
    std::string story;
    std::optional<absl::Duration> next_run;
  };
  std::optional<Outlook> GroupOutlook(ServiceId id) const;

  // Has the service read its changed files, as its command's `reload` says.
  // `done` is called once, perhaps from within: OK when it was told to.
  void Reload(ServiceId id, std::function<void(absl::Status)> done);

  // Stops every process of a service that is ready where it is, or lets them go
  // on: OK when that was ordered, or is so already. See Backend::Freeze.
  absl::Status Freeze(ServiceId id, bool frozen);

  // Ends the environment: everything is stopped in reverse order. `Stopped`
  // follows.
  void StopEverything();
  void KillEverything();

  // Called after every move of a service, in their order; set before anything
  // is started. At most one. A little late: after what was decided has been
  // ordered, for which a service waits, and before those are told who wait for
  // it, before what ends its next run, and before the move of a group.
  void SetObserver(std::function<void(const Changed&)> observer) {
    observer_ = std::move(observer);
  }
  // Called after every move of a group's runs. At most one.
  void SetGroupObserver(std::function<void(const GroupRun::Move&)> observer) {
    group_observer_ = std::move(observer);
  }
  // Called whenever a service was frozen, or thawed by Freeze(): a move of it
  // thaws, too. At most one.
  struct FreezeChange {
    ServiceId id;
    Generation generation;
    bool frozen;
  };
  void SetFreezeObserver(std::function<void(const FreezeChange&)> observer) {
    freeze_observer_ = std::move(observer);
  }
  // Called before those are told who wait for something: a good time to write
  // down what was observed. At most one.
  void SetSettledHandler(std::function<void()> handler) {
    settled_handler_ = std::move(handler);
  }
  // Called when the whole environment has stopped: OK after a stop that was
  // asked for, else why.
  void SetStoppedHandler(std::function<void(absl::Status)> handler) {
    stopped_handler_ = std::move(handler);
  }

  // For the person who has to mend it: `error`, where the service's log is, and
  // its last lines.
  absl::Status WithEvidence(ServiceId id, const absl::Status& error) const;

  // Stopper, for tasks.
  void StopStarted(std::vector<int> started,
                   std::function<void(absl::Status)> done) override;
  absl::Status CheckUsed(const std::vector<std::vector<std::string>>& needs,
                         const std::vector<int>& started) const override;

  static absl::Time Now();

 private:
  void Drain();
  void Dispatch(const Action& action);
  void On(const Changed& change);
  void On(const GaveUp& news);
  void On(const GroupStopped& news);
  void ArmTimer();
  void Later(std::function<void()> completion);
  void DrainSoon();
  void Observe();
  void TakeWhatIsTrue();
  // Calls `done` once when nothing of the service, which was asked to stop,
  // runs. Whoever starts it before does so in vain: it is stopped again. Never
  // from within.
  void WhenAtRest(ServiceId id, std::function<void()> done);
  void StopIfStarted(ServiceId id);
  // The request with which a nursery stops what it has started: whoever needs
  // the service is started again with its group, if that is run again.
  StopRequested StopByItsNursery(ServiceId id) const {
    return {.id = id, .with_group = engine_.Spec(id).group};
  }
  absl::Status CheckMentions(const ServiceDefinition& definition) const;
  absl::StatusOr<ServiceId> Redeclare(ServiceId id, ServiceSpec spec,
                                      ServiceDefinition definition);

  // runtime_groups.cc
  GroupRun* RunOf(GroupId id) const;
  std::unique_ptr<GroupRun> NewRun(GroupId id, const RestartRule& rule,
                                   const std::string& path);
  // Of what a task has started.
  std::vector<ServiceId> ServicesOf(int number) const;
  std::string PathOf(int number) const;
  bool HasEndedInside(GroupId id) const;
  void CloseInside(GroupId id);
  void StopGroup(GroupId id, std::function<void()> done);
  void WhenGroupGone(GroupId id, std::function<bool()> ended,
                     std::function<void()> done);
  void FailGroup(GroupId id, std::optional<ServiceId> culprit,
                 const absl::Status& error);
  const GroupRun* MustWaitFor(ServiceId id) const;
  void StartTakenAlong(GroupId id);
  const GroupRun* TakesAlong(ServiceId id) const;
  bool IsTakenAlong(ServiceId id, GroupId group) const;
  const GroupRun* UnsettledAround(GroupId id) const;
  void EndStarted(int number);
  void WhenGone(int number, std::function<void(absl::Status)> done);

  absl::Status NotStarted(ServiceId id) const;
  absl::Status CheckMentioned(absl::string_view user,
                              const Text::Part& part) const;

  Loop& loop_;
  Backend& backend_;
  const RuntimeOptions options_;
  AddressBook addresses_;
  Engine engine_;
  std::deque<ServiceDefinition>
      services_;  // a deque: the backend keeps pointers
  // The names are those in services_.
  absl::flat_hash_map<absl::string_view, ServiceId> by_path_;
  // Those whose task failed after it had started them.
  absl::flat_hash_set<ServiceId> ended_;

  // The groups by their paths, and the runs of their bodies by id.
  absl::flat_hash_map<std::string, GroupId> groups_;
  std::map<GroupId, std::unique_ptr<GroupRun>> runs_;
  // Those whose start waits for a group.
  absl::flat_hash_set<ServiceId> waiting_for_groups_;

  std::optional<HandleData> published_;

  std::deque<Event> events_;
  std::deque<std::function<void()>> completions_;
  std::vector<Action> actions_;
  struct Condition {
    std::function<bool()> holds;
    std::function<void()> done;
  };
  std::vector<Condition> conditions_;
  bool handling_ = false;
  Loop::Watch drain_soon_;
  Loop::Watch timer_;
  absl::Time timer_at_ = absl::InfiniteFuture();

  std::multimap<ServiceId, std::function<void(absl::Status)>> await_started_;
  std::multimap<ServiceId, std::function<void()>> await_rest_;
  std::function<void(const Changed&)> observer_;
  std::vector<Changed> unobserved_;
  Loop::Watch observe_soon_;
  std::function<void(const GroupRun::Move&)> group_observer_;
  std::function<void(const FreezeChange&)> freeze_observer_;
  std::function<void()> settled_handler_;
  std::function<void(absl::Status)> stopped_handler_;
  absl::Status gave_up_;  // with evidence
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_RUNTIME_H_
