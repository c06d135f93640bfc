#include "supervisor/wiring/rare.h"

#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace espalier {
namespace {

using RareText = Rare<std::string>;

TEST(RareTest, TakesNoMoreRoomThanAPointer) {
  EXPECT_EQ(sizeof(RareText), sizeof(void*));
}

TEST(RareTest, HasAValueOrNone) {
  EXPECT_FALSE(RareText());
  EXPECT_FALSE(RareText(std::nullopt));
  EXPECT_FALSE(RareText(std::optional<std::string>()));
  EXPECT_EQ(*RareText(std::string("ivy")), "ivy");
  EXPECT_EQ(*RareText(std::optional<std::string>("ivy")), "ivy");
  EXPECT_EQ(RareText(std::string("ivy"))->size(), 3u);
}

TEST(RareTest, IsAnOptionalAgain) {
  EXPECT_EQ(RareText().ToOptional(), std::nullopt);
  EXPECT_EQ(RareText(std::string("ivy")).ToOptional(), "ivy");
}

TEST(RareTest, ACopyHasAValueOfItsOwn) {
  RareText a = std::string("ivy");
  RareText b = a;
  *b += "!";
  EXPECT_EQ(*a, "ivy");
  a = b;
  *b += "!";
  EXPECT_EQ(*a, "ivy!");
  a = std::nullopt;
  EXPECT_FALSE(a.has_value());
  a = std::move(b);
  EXPECT_EQ(*a, "ivy!!");
}

TEST(RareTest, IsMadeOfWhatBecomesAValue) {
  EXPECT_EQ(*RareText("ivy"), "ivy");
  RareText text;
  text = "oak";
  EXPECT_EQ(*text, "oak");
}

TEST(RareStringTest, IsAStringThatTakesARoomOfItsOwnOnlyIfItIsNotEmpty) {
  EXPECT_EQ(sizeof(RareString), sizeof(void*));
  EXPECT_TRUE(RareString().empty());
  EXPECT_TRUE(RareString("").empty());
  EXPECT_EQ(RareString().get(), "");
  EXPECT_EQ(RareString("ivy").get(), "ivy");
  EXPECT_EQ(RareString(""), RareString());
  EXPECT_NE(RareString("ivy"), RareString());
}

TEST(RareTest, IsEqualByValue) {
  EXPECT_EQ(RareText(std::string("ivy")), RareText(std::string("ivy")));
  EXPECT_NE(RareText(std::string("ivy")), RareText(std::string("oak")));
  EXPECT_NE(RareText(std::string("ivy")), RareText());
  EXPECT_NE(RareText(), RareText(std::string("")));
  EXPECT_EQ(RareText(), RareText());
}

}  // namespace
}  // namespace espalier
