#include "supervisor/journal/transition.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "supervisor/logs/terminal_text.h"

namespace espalier {
namespace {

using journal::v1::Exit;

constexpr size_t kMaxDetail = 4096;

std::string Detail(absl::string_view detail) {
  std::string text = TerminalText(
      absl::StrReplaceAll(detail.substr(0, kMaxDetail), {{"\n", "; "}}));
  if (detail.size() > kMaxDetail) text += "…";
  return text;
}

Exit::Kind KindOf(ExitResult::Kind kind) {
  switch (kind) {
    case ExitResult::Kind::kExited:
      return Exit::EXITED;
    case ExitResult::Kind::kSignaled:
      return Exit::SIGNALED;
    case ExitResult::Kind::kOomKilled:
      return Exit::OOM_KILLED;
    case ExitResult::Kind::kLost:
      break;
  }
  return Exit::LOST;
}

void Fill(const ExitResult& result, Exit& exit) {
  exit.set_kind(KindOf(result.kind()));
  if (result.kind() == ExitResult::Kind::kExited) exit.set_code(result.code());
  exit.set_signal(result.signal());
  exit.set_core_dumped(result.core_dumped());
}

}  // namespace

journal::v1::Event TransitionEvent(const Changed& change,
                                   absl::string_view service,
                                   const std::optional<ExitResult>& exit) {
  journal::v1::Event event;
  journal::v1::Transition& transition = *event.mutable_transition();
  transition.set_service(std::string(service));
  transition.set_generation(static_cast<int64_t>(change.generation));
  transition.set_from(std::string(ServiceStateName(change.from)));
  transition.set_to(std::string(ServiceStateName(change.to)));
  transition.set_cause(std::string(CauseName(change.cause)));
  transition.set_detail(Detail(change.detail));
  transition.set_change(static_cast<int64_t>(change.revision));
  // The only state that begins with an exit.
  if (change.to == ServiceState::kDraining && exit.has_value()) {
    Fill(*exit, *transition.mutable_exit());
  }
  return event;
}

journal::v1::Event GroupTransitionEvent(absl::string_view group, int64_t run,
                                        absl::string_view from,
                                        absl::string_view to,
                                        absl::string_view detail) {
  journal::v1::Event event;
  journal::v1::GroupTransition& transition = *event.mutable_group_transition();
  transition.set_group(std::string(group));
  transition.set_run(run);
  transition.set_from(std::string(from));
  transition.set_to(std::string(to));
  transition.set_detail(Detail(detail));
  return event;
}

journal::v1::Event FreezeEvent(absl::string_view service, Generation generation,
                               bool frozen) {
  journal::v1::Event event;
  journal::v1::FreezeChange& change = *event.mutable_freeze_change();
  change.set_service(std::string(service));
  change.set_generation(static_cast<int64_t>(generation));
  change.set_frozen(frozen);
  return event;
}

}  // namespace espalier
