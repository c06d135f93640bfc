#ifndef ESPALIER_SUPERVISOR_BACKEND_PLAN_PLAN_BACKEND_H_
#define ESPALIER_SUPERVISOR_BACKEND_PLAN_PLAN_BACKEND_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Runs nothing: every start succeeds at once, and addresses and paths are
// names, such as "{links.port}" and
// "{data}/links/links.db", so that a plan is the same on every machine. Touches
// neither disk nor network.
class PlanBackend final : public Backend {
 public:
  // `loop` must outlive the backend.
  explicit PlanBackend(Loop& loop) : loop_(loop) {}

  void SetEventHandler(std::function<void(Event)> handler) override {
    handler_ = std::move(handler);
  }
  absl::StatusOr<EndpointAddress> Listen(absl::string_view service,
                                         absl::string_view name) override;
  absl::StatusOr<EndpointAddress> ListenUnix(absl::string_view service,
                                             absl::string_view name) override;
  absl::StatusOr<EndpointAddress> Reserve(absl::string_view service,
                                          absl::string_view name) override;
  absl::StatusOr<EndpointAddress> SocketPath(absl::string_view service,
                                             absl::string_view name,
                                             absl::string_view file) override;
  void Define(const ServiceDefinition& definition) override {
    if (Index(definition.id) == definitions_.size())
      definitions_.push_back(&definition);
  }
  void Carry(const Spawn& order) override;
  void Carry(const Stop& order) override;
  void Carry(const Kill& order) override;
  void Carry(const StartProbe& order) override;
  void Carry(const StopProbe&) override {}
  void Reload(ServiceId, std::function<void(absl::Status)> done) override {
    loop_.Post([done = std::move(done)] { done(absl::OkStatus()); });
  }
  void Flush() override {}
  LogOfRun Log(const ServiceDefinition&) const override { return {}; }
  std::string Show(const Text& text) const override;

 private:
  void Report(Event event);
  void End(ServiceId id, Generation generation, ExitResult result);

  Loop& loop_;
  std::function<void(Event)> handler_;
  std::vector<const ServiceDefinition*> definitions_;  // by ServiceId
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_PLAN_PLAN_BACKEND_H_
