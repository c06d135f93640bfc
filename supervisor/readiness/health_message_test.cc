#include "supervisor/readiness/health_message.h"

#include <optional>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

template <size_t kSize>
std::optional<uint64_t> Parse(const char (&bytes)[kSize]) {
  return ParseHealthStatus(absl::string_view(bytes, kSize - 1));
}

TEST(HealthMessageTest, ReadsTheStatus) {
  EXPECT_EQ(Parse(""), 0u);
  EXPECT_EQ(Parse("\x08\x01"), 1u);
  EXPECT_EQ(Parse("\x08\x02"), 2u);
  EXPECT_EQ(Parse("\x08\xac\x02"), 300u);
  EXPECT_EQ(Parse("\x08\x02\x08\x01"), 1u) << "the last one counts";
}

TEST(HealthMessageTest, SkipsWhatItDoesNotKnow) {
  EXPECT_EQ(Parse("\x10\x07\x08\x01"), 1u);
  EXPECT_EQ(Parse("\x12\x03xyz\x08\x01"), 1u);
  EXPECT_EQ(Parse("\x11\1\2\3\4\5\6\7\x08\x08\x01"), 1u);
  EXPECT_EQ(Parse("\x15\1\2\3\4\x08\x01"), 1u);
  EXPECT_EQ(Parse("\x0a\x02\x08\x01"), 0u) << "field 1 as bytes is not it";
}

TEST(HealthMessageTest, RefusesWhatIsNotAMessage) {
  EXPECT_EQ(Parse("\x08"), std::nullopt) << "no value";
  EXPECT_EQ(Parse("\x08\x80"), std::nullopt) << "half a value";
  EXPECT_EQ(Parse("\x12\x04xyz"), std::nullopt) << "longer than the message";
  EXPECT_EQ(Parse("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            std::nullopt);
  EXPECT_EQ(Parse("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            std::nullopt)
      << "more than 64 bits";
  EXPECT_EQ(Parse("\x11\1\2\3"), std::nullopt);
  EXPECT_EQ(Parse("\x0b"), std::nullopt) << "a group";
  EXPECT_EQ(Parse("\x00\x01"), std::nullopt) << "field 0";
}

}  // namespace
}  // namespace espalier
