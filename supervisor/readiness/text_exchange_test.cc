#include "supervisor/readiness/text_exchange.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;

TEST(TextExchangeTest, WantsTheBeginningHoweverItComes) {
  TextExchange whole("PING\r\n", "+PONG"), bytewise("PING\r\n", "+PONG");
  EXPECT_EQ(whole.TakeOutput(), "PING\r\n");
  EXPECT_EQ(whole.TakeOutput(), "");
  whole.Receive("+PONG\r\n");
  EXPECT_EQ(whole.result(), absl::OkStatus());
  for (const char c : std::string("+PON")) {
    bytewise.Receive(std::string(1, c));
    EXPECT_EQ(bytewise.result(), std::nullopt);
  }
  bytewise.Receive("G");
  EXPECT_EQ(bytewise.result(), absl::OkStatus());
}

TEST(TextExchangeTest, SaysWhatTheWrongAnswerIs) {
  TextExchange exchange("PING\r\n", "+PONG");
  exchange.Receive("-LOADING Redis is \x1bloading\r\nmore");
  ASSERT_TRUE(exchange.result().has_value());
  EXPECT_TRUE(absl::IsUnavailable(*exchange.result()));
  EXPECT_THAT(std::string(exchange.result()->message()),
              HasSubstr("\"-LOADING Redis is \\x1bloading\\r\""));
  exchange.Receive("+PONG");
  EXPECT_TRUE(absl::IsUnavailable(*exchange.result()));
}

}  // namespace
}  // namespace espalier
