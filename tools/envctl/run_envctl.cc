#include "tools/envctl/run_envctl.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "supervisor/control/control_client.h"
#include "supervisor/instance/instance_list.h"
#include "supervisor/instance/instance_lock.h"
#include "supervisor/journal/event_filter.h"
#include "supervisor/journal/journal_reader.h"
#include "supervisor/logs/log_printer.h"
#include "tools/envctl/command_line.h"
#include "tools/envctl/event_printer.h"
#include "tools/envctl/explanation_text.h"
#include "tools/envctl/help.h"
#include "tools/envctl/service_client.h"
#include "tools/envctl/service_table.h"

namespace espalier {
namespace {

class Envctl {
 public:
  Envctl(CommandLine line, const EnvctlOutput& output, const HostFacts& host)
      : line_(std::move(line)), output_(output), host_(host) {}

  absl::Status Run() {
    if (line_.command == "help") return Help();
    if (line_.command == "completion") {
      output_.out << BashCompletion();
      return absl::OkStatus();
    }
    if (line_.command == "list") return List();
    if (line_.command == "events") return Events();
    if (absl::Status connected = Connect(); !connected.ok()) return connected;
    if (line_.command == "ps") return Ps();
    if (line_.command == "logs") return Logs();
    if (line_.command == "explain") return Explain();
    if (line_.command == "exec") return Exec();
    if (line_.command == "stop" && line_.arguments.empty()) {
      return StopEnvironment();
    }
    return OperateAll();
  }

 private:
  absl::Status Help() {
    output_.out << HelpText(line_.arguments.empty() ? ""
                                                    : line_.arguments.front());
    return absl::OkStatus();
  }

  absl::Status Connect() {
    absl::StatusOr<LockHolder> found = FindInstance(line_.selector, host_);
    if (!found.ok()) return found.status();
    environment_ = *std::move(found);
    return Reach();
  }

  absl::Status Reach() {
    absl::StatusOr<std::unique_ptr<ControlClient>> client =
        ControlClient::Connect(environment_.control_socket);
    if (!client.ok()) {
      return absl::Status(
          client.status().code(),
          absl::StrCat("environment `", environment_.environment, "` (",
                       environment_.Describe(),
                       ") cannot be reached: ", client.status().message()));
    }
    client_ = *std::move(client);
    return absl::OkStatus();
  }

  absl::Status List() {
    const std::vector<LockHolder> running =
        ListInstances(line_.selector, host_);
    if (line_.json) {
      output_.out << EnvironmentsJson(running);
    } else if (running.empty()) {
      output_.errors << "no environment is running\n";
    } else {
      output_.out << EnvironmentTable(running, absl::Now(), output_.width);
    }
    return absl::OkStatus();
  }

  absl::Status Ps() {
    const absl::StatusOr<ControlClient::ServiceList> list = client_->List();
    if (!list.ok()) return list.status();
    if (line_.json) {
      output_.out << ServicesJson(environment_, list->services, list->notes);
      return absl::OkStatus();
    }
    output_.out << ServiceTable(list->services, absl::Now(), output_.width);
    for (const std::string& note : list->notes) {
      output_.out << "note: " << note << "\n";
    }
    return absl::OkStatus();
  }

  absl::Status Explain() {
    for (const std::string& service : line_.arguments) {
      const absl::StatusOr<std::vector<Explanation>> chain =
          client_->Explain(service);
      if (!chain.ok()) return chain.status();
      output_.out << (line_.json ? ExplanationJson(*chain)
                                 : ExplanationText(*chain));
    }
    return absl::OkStatus();
  }

  absl::Status Logs() {
    std::vector<std::string> names = line_.arguments;
    if (names.empty()) {
      const absl::StatusOr<ControlClient::ServiceList> list = client_->List();
      if (!list.ok()) return list.status();
      for (const ServiceSnapshot& service : list->services) {
        if (!service.log_file.empty()) names.push_back(service.name);
      }
    }
    std::optional<LogPart> part = line_.part;
    if (!line_.since.empty()) {
      const absl::StatusOr<Since> since = ParseSince(line_.since, absl::Now());
      if (!since.ok()) return since.status();
      if (since->revision != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("a log has no revision ", since->revision,
                         "; --since takes a time: 10m, 14:05"));
      }
      part = LogSince{since->time};
    }
    LogPrinter printer(names, output_.coloured);
    return client_->Logs(
        {.services = line_.arguments,
         .tail_lines = line_.tail_lines,
         .follow = line_.follow,
         .part = part},
        [&](absl::string_view service, absl::string_view text) {
          output_.out << printer.Format(service, text);
          if (line_.follow) output_.out.flush();
          // Whoever read it has gone.
          return output_.out.good();
        });
  }

  // A running environment tells them; of one that does not run, its journal.
  absl::Status Events() {
    absl::StatusOr<Since> since = Since();
    if (!line_.since.empty()) since = ParseSince(line_.since, absl::Now());
    if (!since.ok()) return since.status();
    const absl::StatusOr<KnownInstance> known =
        FindKnownInstance(line_.selector, host_);
    if (!known.ok()) return known.status();
    EventPrinter printer({.name = known->environment,
                          .json = line_.json,
                          .all = line_.arguments.empty()});
    const auto print = [&](const journal::v1::Event& event) {
      output_.out << printer.Format(event);
      if (line_.follow) output_.out.flush();
      // Whoever read it has gone.
      return output_.out.good();
    };
    const ControlClient::EventsOptions options = {
        .after_revision = since->revision,
        .since = since->time,
        .services = line_.arguments,
        .follow = line_.follow};
    absl::StatusOr<ControlClient::EventsEnd> end;
    if (known->holder.has_value()) {
      environment_ = *known->holder;
      if (absl::Status reached = Reach(); !reached.ok()) return reached;
      end = client_->Events(options, print);
    } else if (line_.follow) {
      return absl::FailedPreconditionError(
          absl::StrCat("environment `", known->environment,
                       "` is not running, so there is nothing to follow"));
    } else {
      end = ReadEvents(known->state_directory + "/journal", options, print);
    }
    if (!end.ok()) return end.status();
    if (end->damaged > 0) {
      output_.errors << "envctl: " << end->damaged
                     << " records of the journal are damaged, and left out\n";
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<ControlClient::EventsEnd> ReadEvents(
      const std::string& path, const ControlClient::EventsOptions& options,
      const std::function<bool(const journal::v1::Event&)>& print) {
    absl::StatusOr<JournalReader> journal = JournalReader::Open(path);
    if (!journal.ok()) return journal.status();
    while (const auto event = journal->Next()) {
      const bool wanted =
          event->revision() > options.after_revision &&
          absl::FromUnixMicros(event->time_us()) >= options.since &&
          Concerns(*event, options.services);
      if (wanted && !print(*event)) break;
    }
    return ControlClient::EventsEnd{.damaged = journal->damaged()};
  }

  // Returns only if it fails.
  absl::Status Exec() {
    const absl::StatusOr<ControlClient::ServiceList> list = client_->List();
    if (!list.ok()) return list.status();
    const absl::StatusOr<ServiceClient> client =
        ServiceClient::Make(list->services, line_.arguments[0],
                            absl::MakeConstSpan(line_.arguments).subspan(1));
    if (!client.ok()) return client.status();
    client_.reset();
    output_.out.flush();
    return client->Exec();
  }

  absl::Status StopEnvironment() {
    const absl::Time began = absl::Now();
    absl::Status stopped = client_->StopEnvironment();
    // One that ends before its answer is out has been stopped all the same.
    if (!stopped.ok() && !absl::IsUnavailable(stopped)) return stopped;
    // Its end would wait for us to take note of it.
    client_.reset();
    stopped = WaitUntilUnlocked(environment_.state_directory + "/lock");
    if (stopped.ok()) Report(environment_.environment, "stopped", began);
    return stopped;
  }

  // Each in turn; the first error ends it.
  absl::Status OperateAll() {
    for (const std::string& service : line_.arguments) {
      const absl::Time began = absl::Now();
      const absl::Status done = Operate(service);
      if (!done.ok()) {
        return absl::Status(
            done.code(), absl::StrCat("cannot ", line_.command, " `", service,
                                      "`: ", done.message()));
      }
      Report(service,
             line_.command == "stop"     ? "stopped"
             : line_.command == "reload" ? "told to reload"
             : line_.command == "freeze" ? "frozen"
             : line_.command == "thaw"   ? "thawed"
                                         : "ready",
             began);
    }
    return absl::OkStatus();
  }

  absl::Status Operate(const std::string& service) {
    if (line_.command == "restart") return client_->Restart(service);
    if (line_.command == "start") return client_->Start(service);
    if (line_.command == "reload") return client_->Reload(service);
    if (line_.command == "freeze") return client_->Freeze(service);
    if (line_.command == "thaw") return client_->Thaw(service);
    return client_->Stop(service, {.with_dependents = line_.with_dependents});
  }

  void Report(const std::string& what, const std::string& state,
              absl::Time began) {
    output_.out << absl::StrFormat("%s: %s after %.2f s\n", what, state,
                                   absl::ToDoubleSeconds(absl::Now() - began));
    output_.out.flush();
  }

  const CommandLine line_;
  const EnvctlOutput& output_;
  const HostFacts& host_;
  LockHolder environment_;
  std::unique_ptr<ControlClient> client_;
};

}  // namespace

int RunEnvctl(absl::Span<const std::string> arguments,
              const EnvctlOutput& output, const HostFacts& host) {
  absl::StatusOr<CommandLine> line = CommandLine::Parse(arguments);
  if (!line.ok()) {
    output.errors << "envctl: " << std::string(line.status().message())
                  << "\nTry: envctl help\n";
    return 2;
  }
  absl::Status done = Envctl(*std::move(line), output, host).Run();
  output.out.flush();
  if (done.ok() && !output.out.good()) {
    done = absl::DataLossError("not all of the output could be written");
  }
  if (done.ok()) return 0;
  output.errors << "envctl: " << std::string(done.message()) << "\n";
  return 1;
}

}  // namespace espalier
