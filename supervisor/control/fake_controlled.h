#ifndef ESPALIER_SUPERVISOR_CONTROL_FAKE_CONTROLLED_H_
#define ESPALIER_SUPERVISOR_CONTROL_FAKE_CONTROLLED_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/control/controlled.h"

namespace espalier {

// An environment of which a test says what happens. The loop's thread only.
class FakeControlled : public Controlled {
 public:
  explicit FakeControlled(std::vector<ServiceSnapshot> services)
      : services_(std::move(services)) {}

  std::vector<ServiceSnapshot> List() override { return services_; }
  absl::StatusOr<std::vector<Explanation>> Explain(
      const std::string& name) override {
    std::vector<Explanation> chain;
    for (const ServiceSnapshot& service : services_) {
      if (service.name != name) continue;
      chain.push_back({.service = service,
                       .age = absl::Seconds(3),
                       .cause = "start requested",
                       .next = "starts as soon as all is ready",
                       .next_in = absl::Milliseconds(800),
                       .failures = 3,
                       .max_failures = 5,
                       .window = absl::Minutes(1),
                       .last_exit = "exit code 1",
                       .waits_for = service.needs});
    }
    if (!chain.empty()) return chain;
    return absl::NotFoundError("there is no service `" + name + "`");
  }
  std::optional<HandleData> Published() override { return published_; }
  void Publish(HandleData handle) { published_ = std::move(handle); }
  std::vector<std::string> Notes() override { return notes_; }
  void Note(std::string note) { notes_.push_back(std::move(note)); }
  int64_t revision() override { return revision_; }
  void Subscribe(std::function<void(const ServiceChange&)> on_change) override {
    on_change_ = std::move(on_change);
  }
  EventLog& events() override { return *events_; }
  // Instead of one that keeps nothing.
  void KeepEvents(EventLog::Options options) {
    events_ = std::make_unique<EventLog>(std::move(options));
  }

  // These stay pending, as "restart links", until Complete(), unless
  // `answer_at_once`, or the name is unknown.
  void Restart(const std::string& name, Done done) override {
    Operate("restart", name, std::move(done));
  }
  void Stop(const std::string& name, StopOptions options, Done done) override {
    Operate(options.with_dependents ? "stop all of" : "stop", name,
            std::move(done));
  }
  void Start(const std::string& name, Done done) override {
    Operate("start", name, std::move(done));
  }
  void Reload(const std::string& name, Done done) override {
    Operate("reload", name, std::move(done));
  }
  void Freeze(const std::string& name, bool frozen, Done done) override {
    for (ServiceSnapshot& service : services_) {
      if (service.name == name) service.frozen = frozen;
    }
    Operate(frozen ? "freeze" : "thaw", name, std::move(done));
  }
  void StopEnvironment() override {
    operations_.push_back("stop environment");
    if (on_stop_) on_stop_();
  }

  // Sets the state of a service, with a new revision.
  void Change(const std::string& name, const std::string& state) {
    for (ServiceSnapshot& service : services_) {
      if (service.name != name) continue;
      service.state = state;
      const ServiceChange change = {.revision = ++revision_,
                                    .service = service};
      if (on_change_) on_change_(change);
    }
  }

  // A service that was not there before.
  void Add(ServiceSnapshot service) {
    services_.push_back(std::move(service));
    if (!on_change_) return;
    on_change_({.revision = ++revision_, .service = services_.back()});
  }

  void Complete(const std::string& operation, const absl::Status& status) {
    const Done done = std::move(pending_.at(operation));
    pending_.erase(operation);
    done(status);
  }

  const std::vector<std::string>& operations() const { return operations_; }
  bool has_subscriber() const { return on_change_ != nullptr; }
  void answer_at_once() { at_once_ = true; }
  void on_stop(std::function<void()> callback) {
    on_stop_ = std::move(callback);
  }

 private:
  void Operate(const std::string& verb, const std::string& name, Done done) {
    bool known = false;
    for (const ServiceSnapshot& service : services_) {
      known |= service.name == name;
    }
    if (!known) {
      return done(absl::NotFoundError("there is no service `" + name + "`"));
    }
    operations_.push_back(verb + " " + name);
    if (at_once_) return done(absl::OkStatus());
    pending_[operations_.back()] = std::move(done);
  }

  std::vector<ServiceSnapshot> services_;
  std::optional<HandleData> published_;
  std::vector<std::string> notes_;
  int64_t revision_ = 0;
  bool at_once_ = false;
  std::unique_ptr<EventLog> events_ =
      std::make_unique<EventLog>(EventLog::Options());
  std::function<void(const ServiceChange&)> on_change_;
  std::function<void()> on_stop_;
  std::vector<std::string> operations_;
  std::map<std::string, Done> pending_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_FAKE_CONTROLLED_H_
