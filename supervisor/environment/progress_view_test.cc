#include "supervisor/environment/progress_view.h"

#include <algorithm>
#include <string>

#include "gtest/gtest.h"

namespace espalier {
namespace {

using Tone = ProgressLine::Tone;

constexpr absl::Duration kStart = absl::Seconds(1000);

ProgressLine Starting() { return {Tone::kBusy, "starting", ""}; }
ProgressLine Ready() { return {Tone::kGood, "ready", ""}; }

int LinesOf(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

TEST(ProgressViewTest, TellsHowLongItTook) {
  ProgressView view(false);
  EXPECT_TRUE(view.Update("links", Starting(), kStart));
  EXPECT_EQ(view.PlainLine("links", kStart), "links: starting\n");
  EXPECT_TRUE(view.Update("links", Ready(), kStart + absl::Seconds(2)));
  EXPECT_EQ(view.PlainLine("links", kStart + absl::Seconds(9)),
            "links: ready after 2.0 s\n");
}

TEST(ProgressViewTest, ATimeRunsOverSeveralBusyStates) {
  ProgressView view(false);
  view.Update("links", {Tone::kBusy, "waiting", "links waits for db"}, kStart);
  EXPECT_EQ(view.PlainLine("links", kStart),
            "links: waiting (links waits for db)\n");
  view.Update("links", Starting(), kStart + absl::Seconds(1));
  view.Update("links", Ready(), kStart + absl::Seconds(3));
  EXPECT_EQ(view.PlainLine("links", kStart + absl::Seconds(3)),
            "links: ready after 3.0 s\n");
}

TEST(ProgressViewTest, SaysWhenNothingHasChanged) {
  ProgressView view(false);
  EXPECT_TRUE(view.Update("links", Starting(), kStart));
  EXPECT_FALSE(view.Update("links", Starting(), kStart + absl::Seconds(1)));
}

TEST(ProgressViewTest, IsFreshUntilTheNextTenthWhileSomethingIsBusy) {
  ProgressView view(false);
  view.Update("a", Ready(), kStart);
  EXPECT_FALSE(view.Freshness(kStart).has_value());
  view.Update("b", Starting(), kStart);
  EXPECT_EQ(view.Freshness(kStart + absl::Milliseconds(30)),
            absl::Milliseconds(70));
  view.Update("b", Ready(), kStart + absl::Seconds(1));
  EXPECT_FALSE(view.Freshness(kStart + absl::Seconds(1)).has_value());
}

TEST(ProgressViewTest, RedrawsInPlace) {
  ProgressView view(false);
  view.Update("a", Starting(), kStart);
  view.Update("b", Ready(), kStart);
  const std::string first = view.Redraw({.columns = 80, .rows = 24}, kStart);
  EXPECT_EQ(LinesOf(first), 2);
  EXPECT_EQ(first.find("\x1b["), std::string::npos);
  const std::string second =
      view.Redraw({.columns = 80, .rows = 24}, kStart + absl::Seconds(1));
  EXPECT_EQ(second.substr(0, 8), "\r\x1b[2A\x1b[J");
  EXPECT_NE(second.find("1.0 s"), std::string::npos);
}

TEST(ProgressViewTest, ErasesTheRowsThatANarrowerTerminalMade) {
  ProgressView view(false);
  view.Update("a", {Tone::kBusy, "waiting", std::string(60, 'x')}, kStart);
  view.Redraw({.columns = 100, .rows = 24}, kStart);
  EXPECT_EQ(view.Erase({.columns = 50, .rows = 24}), "\r\x1b[2A\x1b[J");
}

TEST(ProgressViewTest, FitsTheScreenAndPrefersWhatIsUrgent) {
  ProgressView view(false);
  for (int i = 0; i < 50; ++i) {
    view.Update("ready" + std::to_string(i), Ready(), kStart);
  }
  view.Update("late", Starting(), kStart);
  view.Update("broken", {Tone::kBad, "failed", "exit code 1\nlog: x"}, kStart);
  const std::string picture = view.Redraw({.columns = 60, .rows = 10}, kStart);
  EXPECT_EQ(LinesOf(picture), 9);
  EXPECT_NE(picture.find("late"), std::string::npos);
  EXPECT_NE(picture.find("broken"), std::string::npos);
  EXPECT_NE(picture.find("exit code 1"), std::string::npos);
  EXPECT_EQ(picture.find("log: x"), std::string::npos);
  EXPECT_NE(picture.find("+44 more"), std::string::npos) << picture;
}

TEST(ProgressViewTest, CutsWhatIsTooWideAtACharacter) {
  ProgressView view(false);
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  view.Update("a", {Tone::kBusy, "waiting", umlauts}, kStart);
  const std::string picture = view.Redraw({.columns = 40, .rows = 5}, kStart);
  const auto width = std::count_if(picture.begin(), picture.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  EXPECT_LE(width, 40);
  EXPECT_NE(picture.find("ü…"), std::string::npos);
}

TEST(ProgressViewTest, CutsWithinTheStateAtACharacterToo) {
  ProgressView view(true);
  view.Update("0123456789", Starting(), kStart);
  EXPECT_EQ(view.Redraw({.columns = 23, .rows = 5}, kStart),
            "  0123456789  startin…\n");
}

TEST(ProgressViewTest, LetsNoTextDriveTheTerminal) {
  ProgressView view(false);
  view.Update("a", {Tone::kBad, "failed", "said \x1b[2J\tbye"}, kStart);
  EXPECT_EQ(view.PlainLine("a", kStart), "a: failed (said ?[2J?bye)\n");
  EXPECT_NE(view.Redraw({}, kStart).find("said ?[2J?bye"), std::string::npos);
}

TEST(ProgressViewTest, ColoursOnlyTheState) {
  ProgressView view(true);
  view.Update("a", Ready(), kStart);
  EXPECT_NE(view.Redraw({}, kStart).find("\x1b[32mready    \x1b[0m"),
            std::string::npos);
}

}  // namespace
}  // namespace espalier
