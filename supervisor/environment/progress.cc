#include "supervisor/environment/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "supervisor/logs/log_printer.h"

namespace espalier {
namespace {

// More often than this a block is not redrawn: services that change state by
// the hundred would only make it flicker.
constexpr absl::Duration kMinPause = absl::Milliseconds(30);

ProgressView::Size SizeOf(int fd) {
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
      size.ws_row == 0) {
    return {};
  }
  return {.columns = size.ws_col, .rows = size.ws_row};
}

}  // namespace

Progress::Options Progress::Detect(int fd) {
  const char* term = getenv("TERM");
  const bool capable =
      isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb";
  return {.fd = fd, .terminal = capable, .colour = LogPrinter::WantsColour(fd)};
}

Progress::Progress(Loop& loop, Options options)
    : loop_(loop),
      options_(options),
      output_(loop, options.fd),
      view_(options.colour) {
  if (options_.terminal) {
    resized_ = loop_.OnSignal(SIGWINCH, [this] {
      if (!view_.empty()) ScheduleDraw(absl::ZeroDuration());
    });
  }
}

Progress::~Progress() { Finish(Loop::Now()); }

void Progress::Update(std::string_view name, ProgressLine line,
                      absl::Duration now) {
  if (!view_.Update(name, std::move(line), now)) return;
  if (!options_.terminal) return output_.Write(view_.PlainLine(name, now));
  clock_offset_ = now - Loop::Now();
  ScheduleDraw(std::max(kMinPause - (now - drawn_at_), absl::ZeroDuration()));
}

void Progress::Print(std::string_view text, absl::Duration now) {
  if (options_.terminal) output_.Write(view_.Erase(SizeOf(options_.fd)));
  output_.Write(text);
  if (options_.terminal && !view_.empty()) Draw(now);
  output_.Flush();
}

void Progress::Finish(absl::Duration now) {
  if (options_.terminal && !view_.empty()) Draw(now);
  output_.Flush();
  next_draw_ = Loop::Watch();
  view_.Clear();
}

void Progress::Draw(absl::Duration now) {
  next_draw_ = Loop::Watch();
  output_.Write(view_.Redraw(SizeOf(options_.fd), now));
  output_.Flush();
  drawn_at_ = now;
  if (const auto freshness = view_.Freshness(now)) ScheduleDraw(*freshness);
}

void Progress::ScheduleDraw(absl::Duration delay) {
  const absl::Duration due = Loop::Now() + delay;
  if (next_draw_ && due_at_ <= due) return;
  due_at_ = due;
  next_draw_ =
      loop_.After(delay, [this] { Draw(Loop::Now() + clock_offset_); });
}

}  // namespace espalier
