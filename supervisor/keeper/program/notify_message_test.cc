#include "supervisor/keeper/program/notify_message.h"

#include <string>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

TEST(NotifyMessageTest, UnderstandsTheNamesThatAreOfUse) {
  const auto message = ParseNotify(
      "READY=1\nSTATUS=half-way: 50 %\nMAINPID=4711\nWATCHDOG=1\nSTOPPING=1\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(*message, (NotifyMessage{.ready = true,
                                     .stopping = true,
                                     .watchdog = true,
                                     .status = "half-way: 50 %",
                                     .main_pid = 4711}));
  EXPECT_TRUE(ParseNotify("WATCHDOG=trigger")->watchdog_trigger);
}

TEST(NotifyMessageTest, OtherNamesAndValuesAreIgnored) {
  EXPECT_EQ(ParseNotify("X_COLOUR=red\nERRNO=2\nREADY=0\nREADY=\n\nFDSTORE=1"),
            NotifyMessage{});
  EXPECT_EQ(ParseNotify(""), NotifyMessage{});
}

TEST(NotifyMessageTest, F42WhatIsNoMessageIsRefusedAsAWhole) {
  for (const std::string& bytes :
       {std::string("READY"), std::string("READY=1\nREADY"),
        std::string("=1\nREADY=1"), std::string("READY=1\0", 8),
        std::string("\x7f\x45\x4c\x46"), std::string("READY=1\nMAINPID=no"),
        std::string("MAINPID=0"), std::string("MAINPID=-1"),
        std::string("MAINPID=99999999999999999999"), std::string("MAINPID=1x"),
        "READY=1\nX=" + std::string(kMaxNotifyBytes, 'x')}) {
    EXPECT_FALSE(ParseNotify(bytes).has_value()) << bytes.substr(0, 80);
  }
}

TEST(NotifyMessageTest, AStatusIsOneLineThatATerminalCanShow) {
  EXPECT_EQ(ParseNotify("STATUS=\x1b[2Jx\ty\x7f")->status, "?[2Jx?y?");
  const std::string longest(kMaxStatusBytes, 'x');
  EXPECT_EQ(ParseNotify("STATUS=" + longest + "y")->status, longest);
  // Not cut within a character: ü has two bytes.
  const std::string shorter(kMaxStatusBytes - 1, 'x');
  EXPECT_EQ(ParseNotify("STATUS=" + shorter + "üü")->status, shorter);
}

}  // namespace
}  // namespace espalier::keeper
