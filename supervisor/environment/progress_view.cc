#include "supervisor/environment/progress_view.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace espalier {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(100);
constexpr size_t kMaxNameWidth = 32;
constexpr int kMinColumns = 20;

const char* ColourOf(ProgressLine::Tone tone) {
  switch (tone) {
    case ProgressLine::Tone::kIdle:
      return "\x1b[2m";
    case ProgressLine::Tone::kBusy:
      return "\x1b[33m";
    case ProgressLine::Tone::kGood:
      return "\x1b[32m";
    case ProgressLine::Tone::kBad:
      return "\x1b[31m";
  }
  return "";
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
}

// Cut to `columns` characters, the last of which then says that there was more.
std::string Cut(const std::string& text, size_t columns) {
  size_t width = 0;
  size_t last = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++width > columns) return text.substr(0, last) + "…";
    last = i;
  }
  return text;
}

int WidthOf(const std::string& text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

// One line: what is told may have several, of which the first says what it is.
// Control characters, as errors quote them from outside, would drive the
// terminal.
std::string FirstLine(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  std::replace_if(line.begin(), line.end(), absl::ascii_iscntrl, '?');
  return line;
}

bool IsUrgent(const ProgressLine& line) {
  return line.tone == ProgressLine::Tone::kBusy ||
         line.tone == ProgressLine::Tone::kBad;
}

}  // namespace

bool ProgressView::Update(std::string_view name, ProgressLine line,
                          absl::Duration now) {
  auto [found, added] = index_.try_emplace(std::string(name), entries_.size());
  if (added) {
    entries_.push_back(
        {.name = std::string(name), .line = {}, .since = now, .took = {}});
  }
  Entry& entry = entries_[found->second];
  if (!added && entry.line == line) return false;
  const bool was_busy = entry.line.tone == ProgressLine::Tone::kBusy;
  const bool is_busy = line.tone == ProgressLine::Tone::kBusy;
  if (is_busy && !was_busy) {
    entry.since = now;
    entry.took.reset();
  } else if (was_busy && !is_busy) {
    entry.took = now - entry.since;
  }
  entry.line = std::move(line);
  return true;
}

std::optional<absl::Duration> ProgressView::Freshness(
    absl::Duration now) const {
  std::optional<absl::Duration> freshness;
  for (const Entry& entry : entries_) {
    if (entry.line.tone != ProgressLine::Tone::kBusy) continue;
    const absl::Duration elapsed = now - entry.since;
    const absl::Duration left = kTick - elapsed % kTick;
    freshness = std::min(freshness.value_or(left), left);
  }
  return freshness;
}

const ProgressView::Entry& ProgressView::entry(std::string_view name) const {
  return entries_[index_.at(std::string(name))];
}

std::string ProgressView::PlainLine(std::string_view name,
                                    absl::Duration now) const {
  const Entry& it = entry(name);
  std::string text = absl::StrCat(it.name, ": ", it.line.state);
  const absl::Duration took = it.took.value_or(now - it.since);
  if (it.took || took >= kTick)
    absl::StrAppend(&text, " after ", Seconds(took));
  if (!it.line.detail.empty()) {
    absl::StrAppend(&text, " (", FirstLine(it.line.detail), ")");
  }
  return text + "\n";
}

std::vector<const ProgressView::Entry*> ProgressView::Visible(
    size_t limit) const {
  std::vector<const Entry*> visible;
  for (const bool urgent : {true, false}) {
    for (const Entry& entry : entries_) {
      if (visible.size() == limit) break;
      if (IsUrgent(entry.line) == urgent) visible.push_back(&entry);
    }
  }
  // In the order of declaration, as always.
  std::sort(visible.begin(), visible.end());
  return visible;
}

std::string ProgressView::FormatLine(const Entry& entry, size_t name_width,
                                     int columns, absl::Duration now) {
  const absl::Duration took = entry.took.value_or(
      entry.line.tone == ProgressLine::Tone::kBusy ? now - entry.since
                                                   : absl::ZeroDuration());
  std::string head =
      absl::StrFormat("  %-*s  ", static_cast<int>(name_width), entry.name);
  std::string state = absl::StrFormat("%-9s", entry.line.state);
  std::string tail = absl::StrCat("  ", absl::StrFormat("%7s", Seconds(took)),
                                  "  ", FirstLine(entry.line.detail));
  while (!tail.empty() && tail.back() == ' ') tail.pop_back();
  const size_t room = static_cast<size_t>(columns - 1);
  const std::string plain = Cut(head + state + tail, room);
  drawn_widths_.push_back(WidthOf(plain));
  // What was cut is shorter, or has an ellipsis where the state was.
  if (!colour_ || !absl::StartsWith(plain, head + state)) return plain + "\n";
  return absl::StrCat(plain.substr(0, head.size()), ColourOf(entry.line.tone),
                      state, "\x1b[0m",
                      plain.substr(head.size() + state.size()), "\n");
}

std::string ProgressView::Redraw(Size size, absl::Duration now) {
  size.columns = std::max(size.columns, kMinColumns);
  std::string picture = Erase(size);
  const size_t rows = static_cast<size_t>(std::max(size.rows - 1, 1));
  const bool all = entries_.size() <= rows;
  const std::vector<const Entry*> visible =
      Visible(all ? rows : std::max<size_t>(rows - 1, 1));
  size_t name_width = 0;
  for (const Entry* it : visible) {
    name_width = std::max(name_width, std::min(it->name.size(), kMaxNameWidth));
  }
  for (const Entry* it : visible) {
    picture += FormatLine(*it, name_width, size.columns, now);
  }
  if (const size_t more = entries_.size() - visible.size(); more > 0) {
    const std::string line = absl::StrCat("  +", more, " more");
    drawn_widths_.push_back(WidthOf(line));
    absl::StrAppend(&picture, line, "\n");
  }
  return picture;
}

std::string ProgressView::Erase(Size size) {
  int rows = 0;
  for (const int width : drawn_widths_) {
    rows += 1 + std::max(width - 1, 0) / std::max(size.columns, 1);
  }
  drawn_widths_.clear();
  if (rows == 0) return "";
  return absl::StrCat("\r\x1b[", rows, "A\x1b[J");
}

void ProgressView::Clear() {
  // Their memory too: most of what follows is about a few.
  std::vector<Entry>().swap(entries_);
  absl::flat_hash_map<std::string, size_t>().swap(index_);
  drawn_widths_.clear();
}

}  // namespace espalier
