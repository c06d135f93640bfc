#include "supervisor/logs/terminal_text.h"

#include <string>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(TerminalTextTest, LeavesTextAlone) {
  EXPECT_EQ(TerminalText(""), "");
  EXPECT_EQ(TerminalText("a\tb"), "a\tb");
  EXPECT_EQ(TerminalText("grün, 木, 🌳"), "grün, 木, 🌳");
}

TEST(TerminalTextTest, DropsColoursAndTheCarriageReturn) {
  EXPECT_EQ(TerminalText("\x1b[1;31merror\x1b[0m: no\r"), "error: no");
}

TEST(TerminalTextTest, ShowsEveryOtherSequence) {
  EXPECT_EQ(TerminalText("\x1b[2J"), "\\x1b[2J") << "clears the screen";
  EXPECT_EQ(TerminalText("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(TerminalText("\x1b["), "\\x1b[");
  EXPECT_EQ(TerminalText("\x1b[31"), "\\x1b[31");
  EXPECT_EQ(TerminalText("a\rb"), "a\\x0db") << "overwrites the line";
  EXPECT_EQ(TerminalText(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(TerminalText("\x7f"), "\\x7f");
}

TEST(TerminalTextTest, ShowsC1ControlsAndOverridesAsBytes) {
  EXPECT_EQ(TerminalText("\xc2\x9b"), "\\xc2\\x9b") << "CSI in one character";
  EXPECT_EQ(TerminalText("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "U+202E";
  EXPECT_EQ(TerminalText("\xe2\x81\xa6"), "\\xe2\\x81\\xa6") << "U+2066";
}

TEST(TerminalTextTest, ShowsMalformedUtf8AsBytes) {
  EXPECT_EQ(TerminalText("\xff"), "\\xff");
  EXPECT_EQ(TerminalText("\xc3"), "\\xc3") << "cut off";
  EXPECT_EQ(TerminalText("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(TerminalText("\xe0\x80\x80"), "\\xe0\\x80\\x80") << "overlong";
  EXPECT_EQ(TerminalText("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(TerminalText("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(TerminalText("\x80z"), "\\x80z");
}

}  // namespace
}  // namespace espalier
