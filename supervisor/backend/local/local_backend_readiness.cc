// How the local backend finds out that a service is ready, and that it lives.
#include "absl/strings/str_cat.h"
#include "supervisor/backend/local/asked_endpoint.h"
#include "supervisor/backend/local/local_backend.h"
#include "supervisor/logs/log_tail.h"

namespace espalier {
namespace {

std::string LastLine(const std::string& log) {
  absl::StatusOr<LogTail> tail = LogTail::Read(log);
  return tail.ok() && !tail->lines.empty() ? tail->lines.back() : "";
}

}  // namespace

void LocalBackend::Carry(const StartProbe& order) {
  Record& record = records_[Index(order.id)];
  record.generation = order.generation;
  const Readiness& readiness = record.definition->command.readiness;
  // The keeper will tell.
  if (readiness.kind() == Readiness::Kind::kNewline ||
      readiness.kind() == Readiness::Kind::kNotify) {
    return;
  }
  const bool is_asked =
      readiness.probe() != nullptr || readiness.endpoint() != nullptr;
  if (is_asked) return Ask(record, readiness);
  if (HasNoStranger(record)) Ready(record);
}

// Asks until the answer is good, which is for Ready() then.
void LocalBackend::Ask(Record& record, const Readiness& question) {
  if (question.probe() != nullptr) return record.command_probe->Watch();
  absl::StatusOr<ProbeTarget> target = ProbeTargetOf(question);
  if (!target.ok()) {
    return Complain(record, std::string(target.status().message()));
  }
  record.probe = ReadinessProbe::Start(
      loop_, *std::move(target),
      [this, &record](absl::Status status) {
        if (status.ok()) return Ready(record);
        Complain(record, std::string(status.message()));
      },
      {.verify =
           [&record, &question] {
             return CheckListener(*record.definition, record.held, record.pid,
                                  *question.endpoint());
           },
       .complained =
           [this, &record](std::string complaint) {
             Complain(record, std::move(complaint));
           }});
}

// A service that says itself that it is ready may be wrong about its ports: one
// that could not bind may not have looked. If somebody else listens there, it
// is ready once he does not any more.
bool LocalBackend::HasNoStranger(Record& record) {
  const auto check = [&record] {
    return CheckForStrangers(*record.definition, record.held, record.pid);
  };
  absl::Status found = check();
  if (found.ok()) return true;
  record.stranger = std::make_unique<StrangerWatch>(
      loop_, std::move(found),
      StrangerWatch::Hooks{.check = check,
                           .gone = [this, &record] { Ready(record); },
                           .complained =
                               [this, &record](std::string complaint) {
                                 Complain(record, std::move(complaint));
                               }});
  return false;
}

// A good answer, of whatever was asked.
void LocalBackend::Ready(Record& record) {
  if (record.liveness != nullptr) return record.liveness->Answered();
  Report(BecameReady{.id = record.definition->id,
                     .generation = record.generation});
  BeginLiveness(record);
}

// A probe quotes what a program has said, which may hold a secret of its.
void LocalBackend::Complain(Record& record, std::string complaint) {
  complaint = files_.Redact(complaint);
  if (record.liveness != nullptr) {
    return record.liveness->Complained(std::move(complaint));
  }
  Report(ProbeFailed{.id = record.definition->id,
                     .generation = record.generation,
                     .complaint = std::move(complaint)});
}

void LocalBackend::BeginLiveness(Record& record) {
  const Command& command = record.definition->command;
  if (!command.liveness || record.definition->external) return;
  const ServiceId id = record.definition->id;
  record.liveness = std::make_unique<LivenessProbe>(
      loop_,
      LivenessProbe::Options{.interval = command.liveness->interval,
                             .timeout = command.liveness->timeout},
      LivenessProbe::Hooks{
          .ask = [this, &record,
                  &command] { Ask(record, *command.LivenessQuestion()); },
          .stop =
              [&record] {
                record.probe.reset();
                if (record.command_probe != nullptr) {
                  record.command_probe->Unwatch();
                }
              },
          .failed =
              [this, &record, id](std::string complaint) {
                Report(ProbeFailed{.id = id,
                                   .generation = record.generation,
                                   .complaint = std::move(complaint)});
              },
          .passed =
              [this, &record, id] {
                Report(ProbePassed{.id = id, .generation = record.generation});
              }});
}

void LocalBackend::Carry(const StopProbe& order) {
  StopAsking(records_[Index(order.id)]);
}

void LocalBackend::StopAsking(Record& record) {
  record.liveness.reset();
  record.probe.reset();
  record.stranger.reset();
  if (record.command_probe != nullptr) record.command_probe->Unwatch();
}

void LocalBackend::MakeCommandProbe(Record& record) {
  record.command_probe = std::make_unique<CommandProbe>(
      loop_, record.definition->command.readiness.probe()->timeout,
      CommandProbe::Hooks{
          .spawn =
              [this, &record](uint64_t run) {
                return SpawnAside(
                    record, *record.definition->command.readiness.probe(),
                    record.probe_keeper_id, run, ProbeLog(record));
              },
          .kill =
              [this, &record](uint64_t run) {
                keeper_->Kill(record.probe_keeper_id, run);
                Flush();
              },
          .ready =
              [this, &record] {
                if (record.liveness != nullptr || HasNoStranger(record)) {
                  Ready(record);
                }
              },
          .complained =
              [this, &record](std::string complaint) {
                Complain(record, std::move(complaint));
              },
          .last_words = [this,
                         &record] { return LastLine(ProbeLog(record)); }});
}

void LocalBackend::On(const keeper::ReadyEvent& event) {
  Record& record = records_[roles_[event.id].record];
  if (event.generation != record.generation) return;
  record.ready = true;
  if (!HasNoStranger(record)) return;
  handler_(
      BecameReady{.id = record.definition->id, .generation = event.generation});
  if (record.liveness == nullptr) BeginLiveness(record);
}

}  // namespace espalier
