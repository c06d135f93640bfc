#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_VIEW_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_VIEW_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace espalier {

// What one service is doing.
struct ProgressLine {
  enum class Tone {
    kIdle,  // nothing to do: inactive, stopped
    kBusy,  // under way: its time runs
    kGood,  // arrived: ready, done
    kBad,   // failed
  };

  Tone tone = Tone::kIdle;
  // One or two words, such as "starting".
  std::string state;
  // What it waits for or why it failed; may be empty.
  std::string detail;

  friend bool operator==(const ProgressLine&, const ProgressLine&) = default;
};

// The lines of a Progress and how they look, without a terminal and without a
// clock: times are passed in.
class ProgressView {
 public:
  struct Size {
    int columns = 80;
    int rows = 24;
  };

  explicit ProgressView(bool colour) : colour_(colour) {}

  // Sets the line of `name`; false if it says that already. The time of a
  // service runs from when its line becomes kBusy until it is something else.
  bool Update(std::string_view name, ProgressLine line, absl::Duration now);

  bool empty() const { return entries_.empty(); }

  // How long the picture stays true; nothing if it changes no more by itself.
  std::optional<absl::Duration> Freshness(absl::Duration now) const;

  // One line about `name`, ended with '\n', for output that is not a terminal.
  std::string PlainLine(std::string_view name, absl::Duration now) const;

  // Replaces the block which is on the screen, with the cursor below it, by the
  // current one: at most `size.rows - 1` lines, each shorter than the screen is
  // wide. Those that are busy or failed come before others when not all fit.
  std::string Redraw(Size size, absl::Duration now);

  // Removes the block from the screen; the cursor is where it began.
  std::string Erase(Size size);

  // Forgets all lines, and that anything is on the screen.
  void Clear();

 private:
  struct Entry {
    std::string name;
    ProgressLine line;
    // When it became busy, and how long it was, if it is not any more.
    absl::Duration since;
    std::optional<absl::Duration> took;
  };

  const Entry& entry(std::string_view name) const;
  std::vector<const Entry*> Visible(size_t limit) const;
  // Appends to drawn_widths_ how wide the line is.
  std::string FormatLine(const Entry& entry, size_t name_width, int columns,
                         absl::Duration now);

  const bool colour_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::string, size_t> index_;
  // The columns taken by each line that is on the screen: when the terminal has
  // become narrower, one of them takes several rows.
  std::vector<int> drawn_widths_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_VIEW_H_
