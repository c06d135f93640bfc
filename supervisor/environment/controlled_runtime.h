#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_CONTROLLED_RUNTIME_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_CONTROLLED_RUNTIME_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/control/controlled.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {

// Lets clients of the control API see and steer a runtime. The loop's thread
// only.
class ControlledRuntime final : public Controlled {
 public:
  // `runtime` and `events` must outlive this; `stop_environment` is what
  // SIGTERM would do.
  ControlledRuntime(Runtime& runtime, EventLog& events,
                    std::function<void()> stop_environment)
      : runtime_(runtime),
        events_(events),
        stop_environment_(std::move(stop_environment)) {}

  // To be told of every move, by the runtime's observer.
  void On(const Changed& change);

  std::vector<ServiceSnapshot> List() override;
  absl::StatusOr<std::vector<Explanation>> Explain(
      const std::string& name) override;
  std::optional<HandleData> Published() override {
    return runtime_.published();
  }
  std::vector<std::string> Notes() override {
    return runtime_.backend().Notes();
  }
  int64_t revision() override {
    return static_cast<int64_t>(runtime_.engine().revision());
  }
  void Subscribe(std::function<void(const ServiceChange&)> on_change) override {
    on_change_ = std::move(on_change);
  }
  EventLog& events() override { return events_; }
  void Restart(const std::string& name, Done done) override;
  void Stop(const std::string& name, StopOptions options, Done done) override;
  void Start(const std::string& name, Done done) override;
  void Reload(const std::string& name, Done done) override;
  void Freeze(const std::string& name, bool frozen, Done done) override;
  void StopEnvironment() override { stop_environment_(); }

 private:
  Explanation ExplainOne(ServiceId id) const;
  ServiceSnapshot Snapshot(const ServiceDefinition& definition) const;
  ServiceSnapshot::Client ClientOf(const ServiceDefinition& definition) const;
  absl::StatusOr<ServiceId> Find(const std::string& name) const;

  Runtime& runtime_;
  EventLog& events_;
  const std::function<void()> stop_environment_;
  std::function<void(const ServiceChange&)> on_change_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_CONTROLLED_RUNTIME_H_
