#include "supervisor/keeper/protocol.h"

#include <cstring>
#include <type_traits>
#include <utility>

#include "supervisor/keeper/wire.h"

namespace espalier::keeper {

template <typename T, typename... Kinds>
concept OneOf = (std::is_same_v<std::remove_const_t<T>, Kinds> || ...);

// The one list of each message's fields, for writing and for reading. Not in an
// unnamed namespace: wire.h finds them by their argument's namespace.
template <OneOf<Credentials> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.uid), visit(m.gid), visit(m.groups);
}
template <OneOf<ResourceLimit> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.resource), visit(m.soft), visit(m.hard);
}
template <OneOf<StrictLogRule> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.max_bytes), visit(m.drop);
}
template <OneOf<TreeLimits> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.memory_bytes), visit(m.cpu_us), visit(m.tasks);
}
template <OneOf<NotifyRule> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.watchdog_ns);
}
template <OneOf<SpawnRequest> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.program), visit(m.argv);
  visit(m.environment), visit(m.working_directory), visit(m.log_path);
  visit(m.strict_log);
  visit(m.listener_names), visit(m.readiness_variable), visit(m.credentials);
  visit(m.limits), visit(m.nice), visit(m.umask), visit(m.no_new_privs);
  visit(m.tree), visit(m.notify);
}
template <OneOf<StopRequest> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.signal), visit(m.grace_ns);
}
template <OneOf<KillRequest, ReadyEvent, DrainedEvent, WatchdogLostEvent> T,
          typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation);
}
template <OneOf<SignalRequest> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.signal);
}
template <OneOf<FreezeRequest> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.frozen);
}
template <OneOf<StatusEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.text);
}
template <OneOf<NoteEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.text);
}
template <OneOf<ShutdownRequest> T, typename V>
void VisitFields(T&, V&) {}
template <OneOf<HelloEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.version), visit(m.keeper_pid), visit(m.rung), visit(m.token);
  visit(m.note);
}
template <OneOf<SpawnedEvent, MainProcessEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.pid);
}
template <OneOf<SpawnFailedEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.stage), visit(m.error);
}
template <OneOf<ExitedEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.code), visit(m.status);
  visit(m.oom_killed), visit(m.user_ns), visit(m.system_ns);
  visit(m.max_rss_kib);
}
template <OneOf<LogLossEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.id), visit(m.generation), visit(m.error), visit(m.lost_bytes);
  visit(m.lost_lines);
}
template <OneOf<RefusedEvent> T, typename V>
void VisitFields(T& m, V& visit) {
  visit(m.count), visit(m.reason);
}

namespace {

// The kind on the wire is the place in the variant, counted from 1.
template <typename Variant>
void EncodeAny(const Variant& message, std::string* out) {
  const size_t start = out->size();
  out->resize(start + sizeof(uint32_t));
  WireWriter writer(out);
  writer(static_cast<uint8_t>(message.index() + 1));
  std::visit([&](const auto& m) { VisitFields(m, writer); }, message);
  const uint32_t size = writer.size();
  std::memcpy(out->data() + start, &size, sizeof size);
}

template <size_t I = 0, typename Variant>
bool DecodeBody(uint8_t kind, WireReader& reader, Variant* message) {
  if constexpr (I < std::variant_size_v<Variant>) {
    if (kind != I + 1) return DecodeBody<I + 1>(kind, reader, message);
    VisitFields(message->template emplace<I>(), reader);
    return reader.Done();
  } else {
    return false;
  }
}

template <typename Variant>
bool DecodeAny(std::string_view frame, Variant* message) {
  WireReader reader(frame);
  uint8_t kind = 0;
  reader(kind);
  return DecodeBody(kind, reader, message);
}

}  // namespace

void Encode(const Request& request, std::string* out) {
  EncodeAny(request, out);
}
void Encode(const Event& event, std::string* out) { EncodeAny(event, out); }

size_t EncodedSize(const Request& request) {
  WireWriter writer(nullptr);
  std::visit([&](const auto& m) { VisitFields(m, writer); }, request);
  return sizeof(uint32_t) + sizeof(uint8_t) + writer.size();
}

FrameResult NextFrame(std::string_view bytes, std::string_view* frame,
                      size_t* consumed) {
  uint32_t size = 0;
  if (bytes.size() < sizeof size) return FrameResult::kIncomplete;
  std::memcpy(&size, bytes.data(), sizeof size);
  if (size == 0 || size > kMaxFrameBytes) return FrameResult::kMalformed;
  if (bytes.size() - sizeof size < size) return FrameResult::kIncomplete;
  *frame = bytes.substr(sizeof size, size);
  *consumed = sizeof size + size;
  return FrameResult::kFrame;
}

bool Decode(std::string_view frame, Request* request) {
  return DecodeAny(frame, request);
}
bool Decode(std::string_view frame, Event* event) {
  return DecodeAny(frame, event);
}

std::string_view SpawnStageName(SpawnStage stage) {
  switch (stage) {
    case SpawnStage::kRequest:
      return "checking the request";
    case SpawnStage::kPipe:
      return "making a pipe";
    case SpawnStage::kClone:
      return "making a process";
    case SpawnStage::kParentGone:
      return "checking that the keeper lives";
    case SpawnStage::kDescriptors:
      return "putting descriptors in place";
    case SpawnStage::kOpenLog:
      return "opening the log file";
    case SpawnStage::kCgroup:
      return "entering the cgroup";
    case SpawnStage::kResourceLimit:
      return "setting a resource limit";
    case SpawnStage::kNice:
      return "setting the niceness";
    case SpawnStage::kOpenProgram:
      return "opening the program";
    case SpawnStage::kUser:
      return "changing the user";
    case SpawnStage::kWorkingDirectory:
      return "entering the working directory";
    case SpawnStage::kExec:
      return "executing the program";
  }
  return "an unknown stage";
}

std::string_view TreeRungName(TreeRung rung) {
  switch (rung) {
    case TreeRung::kCgroupKill:
      return "cgroup.kill";
    case TreeRung::kCgroupFreeze:
      return "cgroup freeze and kill";
    case TreeRung::kMarker:
      return "subreaper and marker";
  }
  return "unknown";
}

}  // namespace espalier::keeper
