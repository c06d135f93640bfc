#ifndef ESPALIER_SUPERVISOR_NURSERY_SUITE_SIMULATED_BACKEND_H_
#define ESPALIER_SUPERVISOR_NURSERY_SUITE_SIMULATED_BACKEND_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/plan/plan_backend.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Commands that run the program `actor`, simulated: no process, but the same
// behaviour, read from the same file. Addresses are those of a plan.
class SimulatedBackend final : public Backend {
 public:
  // `loop` must outlive the backend.
  explicit SimulatedBackend(Loop& loop) : loop_(loop), plan_(loop) {}

  // Ends a run that is under way, as a signal from outside would.
  void Signal(ServiceId id, int signal);
  // As when the keeper is killed: nothing runs any more.
  void LoseKeeper();
  // How many run.
  size_t running() const { return running_.size(); }

  void SetEventHandler(std::function<void(Event)> handler) override {
    handler_ = std::move(handler);
  }
  absl::StatusOr<EndpointAddress> Listen(absl::string_view service,
                                         absl::string_view name) override;
  absl::StatusOr<EndpointAddress> ListenUnix(absl::string_view service,
                                             absl::string_view name) override {
    return plan_.ListenUnix(service, name);
  }
  absl::StatusOr<EndpointAddress> Reserve(absl::string_view service,
                                          absl::string_view name) override {
    return Listen(service, name);
  }
  absl::StatusOr<EndpointAddress> SocketPath(absl::string_view service,
                                             absl::string_view name,
                                             absl::string_view file) override {
    return plan_.SocketPath(service, name, file);
  }
  void Define(const ServiceDefinition& definition) override;
  void Carry(const Spawn& order) override;
  void Carry(const Stop& order) override;
  void Carry(const Kill& order) override;
  void Carry(const StartProbe& order) override;
  void Carry(const StopProbe&) override {}
  void Reload(ServiceId id, std::function<void(absl::Status)> done) override {
    plan_.Reload(id, std::move(done));
  }
  void Flush() override {}
  LogOfRun Log(const ServiceDefinition&) const override { return {}; }
  std::string Show(const Text& text) const override { return plan_.Show(text); }

 private:
  void Report(Event event);
  void End(ServiceId id, Generation generation, ExitResult result);

  Loop& loop_;
  PlanBackend plan_;
  std::function<void(Event)> handler_;
  std::vector<const ServiceDefinition*> definitions_;
  std::map<ServiceId, Generation> running_;
  std::map<ServiceId, std::string> scripts_;
  int next_port_ = 10000;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_SUITE_SIMULATED_BACKEND_H_
