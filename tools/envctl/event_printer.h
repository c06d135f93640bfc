#ifndef ESPALIER_TOOLS_ENVCTL_EVENT_PRINTER_H_
#define ESPALIER_TOOLS_ENVCTL_EVENT_PRINTER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/journal/event.pb.h"

namespace espalier {

// Writes events as `envctl events` shows them, one after the other.
class EventPrinter {
 public:
  struct Options {
    // Of the environment.
    std::string name = {};
    // An object in each line, for programs.
    bool json = false;
    // Every event is shown, so that a gap between revisions means a loss.
    bool all = true;
    absl::TimeZone zone = absl::LocalTimeZone();
  };
  explicit EventPrinter(Options options) : options_(std::move(options)) {}

  // The event's line or lines, complete.
  std::string Format(const journal::v1::Event& event);

 private:
  std::string Text(const journal::v1::Event& event);

  const Options options_;
  int64_t revision_ = 0;
  // A run began, and its end was not told.
  bool runs_ = false;
};

// What --since means.
struct Since {
  int64_t revision = 0;
  absl::Time time = absl::InfinitePast();
};

// "1234", "10m", "14:05", "2026-11-24 14:05:30", "2026-11-24"; with a date and
// 'T', as in --json, also with a zone. InvalidArgumentError for anything else.
absl::StatusOr<Since> ParseSince(absl::string_view text, absl::Time now,
                                 absl::TimeZone zone = absl::LocalTimeZone());

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_EVENT_PRINTER_H_
