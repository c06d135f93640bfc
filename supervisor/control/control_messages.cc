#include "supervisor/control/control_messages.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "supervisor/logs/terminal_text.h"

namespace espalier {
namespace {

// A string field takes nothing but UTF-8, and a reason quotes what a service
// has printed. Newlines stay.
std::string Harmless(const std::string& text) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    lines.push_back(TerminalText(line));
  }
  return absl::StrJoin(lines, "\n");
}

// `depth` is left; nobody nests that far, but a peer may send anything.
constexpr int kMaxDepth = 16;

void Fill(const HandleData& data, int depth, control::v1::Handle& message) {
  message.set_name(Harmless(data.name));
  message.set_type(Harmless(data.type));
  message.set_text(Harmless(data.text));
  if (depth == 0) return;
  for (const HandleData& field : data.fields) {
    Fill(field, depth - 1, *message.add_fields());
  }
}

HandleData Read(const control::v1::Handle& message, int depth) {
  HandleData data{
      .name = message.name(), .type = message.type(), .text = message.text()};
  if (depth == 0) return data;
  for (const control::v1::Handle& field : message.fields()) {
    data.fields.push_back(Read(field, depth - 1));
  }
  return data;
}

}  // namespace

control::v1::Handle ToMessage(const HandleData& data) {
  control::v1::Handle message;
  Fill(data, kMaxDepth, message);
  return message;
}

HandleData FromMessage(const control::v1::Handle& message) {
  return Read(message, kMaxDepth);
}

namespace {

void Fill(const ServiceSnapshot::Client& client, control::v1::Client& message) {
  for (const ServiceSnapshot::Client::Variable& variable : client.environment) {
    control::v1::Client::Variable* added = message.add_environment();
    added->set_name(Harmless(variable.name));
    added->set_value(Harmless(variable.value));
  }
  for (const auto& [program, arguments] : client.arguments) {
    control::v1::Client::Arguments* added = message.add_arguments();
    added->set_program(Harmless(program));
    for (const std::string& argument : arguments)
      added->add_arguments(Harmless(argument));
  }
}

ServiceSnapshot::Client Read(const control::v1::Client& message) {
  ServiceSnapshot::Client client;
  for (const control::v1::Client::Variable& variable : message.environment()) {
    client.environment.push_back(
        {.name = variable.name(), .value = variable.value()});
  }
  for (const control::v1::Client::Arguments& program : message.arguments()) {
    client.arguments[program.program()].assign(program.arguments().begin(),
                                               program.arguments().end());
  }
  return client;
}

}  // namespace

control::v1::Service ToMessage(const ServiceSnapshot& snapshot) {
  control::v1::Service message;
  message.set_name(Harmless(snapshot.name));
  message.set_state(Harmless(snapshot.state));
  message.set_generation(snapshot.generation);
  message.set_pid(snapshot.pid);
  if (snapshot.since != absl::InfinitePast()) {
    message.set_since_us(absl::ToUnixMicros(snapshot.since));
  }
  message.set_restarts(snapshot.restarts);
  message.set_why(Harmless(snapshot.why));
  for (const std::string& need : snapshot.needs) {
    message.add_needs(Harmless(need));
  }
  for (const std::string& need : snapshot.needs_at_start) {
    message.add_needs_at_start(Harmless(need));
  }
  for (const ServiceSnapshot::Endpoint& endpoint : snapshot.endpoints) {
    control::v1::Endpoint* added = message.add_endpoints();
    added->set_name(Harmless(endpoint.name));
    added->set_url(Harmless(endpoint.url));
  }
  message.set_log_file(Harmless(snapshot.log_file));
  if (snapshot.handle.has_value()) {
    *message.mutable_handle() = ToMessage(*snapshot.handle);
  }
  if (snapshot.client != ServiceSnapshot::Client())
    Fill(snapshot.client, *message.mutable_client());
  message.set_frozen(snapshot.frozen);
  message.set_status(Harmless(snapshot.status));
  return message;
}

ServiceSnapshot FromMessage(const control::v1::Service& message) {
  ServiceSnapshot snapshot;
  snapshot.name = message.name();
  snapshot.state = message.state();
  snapshot.generation = message.generation();
  snapshot.pid = static_cast<pid_t>(message.pid());
  if (message.since_us() != 0) {
    snapshot.since = absl::FromUnixMicros(message.since_us());
  }
  snapshot.restarts = message.restarts();
  snapshot.why = message.why();
  snapshot.needs.assign(message.needs().begin(), message.needs().end());
  snapshot.needs_at_start.assign(message.needs_at_start().begin(),
                                 message.needs_at_start().end());
  for (const control::v1::Endpoint& endpoint : message.endpoints()) {
    snapshot.endpoints.push_back(
        {.name = endpoint.name(), .url = endpoint.url()});
  }
  snapshot.log_file = message.log_file();
  if (message.has_handle()) {
    snapshot.handle = FromMessage(message.handle());
  }
  snapshot.client = Read(message.client());
  snapshot.frozen = message.frozen();
  snapshot.status = message.status();
  return snapshot;
}

control::v1::Explanation ToMessage(const Explanation& explanation) {
  control::v1::Explanation message;
  *message.mutable_service() = ToMessage(explanation.service);
  message.set_for_us(absl::ToInt64Microseconds(explanation.age));
  message.set_cause(Harmless(explanation.cause));
  message.set_next(Harmless(explanation.next));
  if (explanation.next_in.has_value()) {
    message.set_next_in_us(absl::ToInt64Microseconds(*explanation.next_in));
  }
  message.set_failures(explanation.failures);
  message.set_max_failures(explanation.max_failures);
  message.set_window_us(absl::ToInt64Microseconds(explanation.window));
  message.set_last_exit(Harmless(explanation.last_exit));
  for (const std::string& name : explanation.waits_for) {
    message.add_waits_for(Harmless(name));
  }
  return message;
}

Explanation FromMessage(const control::v1::Explanation& message) {
  Explanation explanation{.service = FromMessage(message.service()),
                          .age = absl::Microseconds(message.for_us()),
                          .cause = message.cause(),
                          .next = message.next(),
                          .failures = message.failures(),
                          .max_failures = message.max_failures(),
                          .window = absl::Microseconds(message.window_us()),
                          .last_exit = message.last_exit()};
  if (message.has_next_in_us()) {
    explanation.next_in = absl::Microseconds(message.next_in_us());
  }
  explanation.waits_for.assign(message.waits_for().begin(),
                               message.waits_for().end());
  return explanation;
}

grpc::Status ToGrpc(const absl::Status& status) {
  // The numbers are the same by design.
  return grpc::Status(static_cast<grpc::StatusCode>(status.raw_code()),
                      Harmless(std::string(status.message())));
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace espalier
