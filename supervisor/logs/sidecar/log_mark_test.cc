#include "supervisor/logs/sidecar/log_mark.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr LogMark kFirst = {
    .generation = 1, .log = 0x0123456789abcdef, .offset = 0, .time_us = 1};
constexpr LogMark kSecond = {
    .generation = 0xfffffffe, .log = 7, .offset = INT64_MAX, .time_us = -1};

std::string Encoded(const std::vector<LogMark>& marks) {
  std::string bytes;
  for (const LogMark& mark : marks) EncodeLogMark(mark, &bytes);
  return bytes;
}

TEST(LogMarkTest, ComesBackAsItWas) {
  const std::string bytes = Encoded({kFirst, kSecond});
  EXPECT_EQ(bytes.size(), 2 * kLogMarkBytes);
  const DecodedLogMarks decoded = DecodeLogMarks(bytes);
  EXPECT_THAT(decoded.marks, ElementsAre(kFirst, kSecond));
  EXPECT_EQ(decoded.damaged, 0u);
  EXPECT_EQ(decoded.torn_bytes, 0u);
}

TEST(LogMarkTest, IsLaidOutAsDocumented) {
  const std::string bytes = Encoded({kFirst});
  EXPECT_EQ(bytes.substr(4, 4), std::string("\x01\0\0\0", 4));
  EXPECT_EQ(bytes.substr(8, 8), "\xef\xcd\xab\x89\x67\x45\x23\x01");
  EXPECT_EQ(bytes.substr(24, 2), std::string("\x01\0", 2));
  // Known answers of FNV-1a.
  EXPECT_EQ(LogKey(""), 0xcbf29ce484222325u);
  EXPECT_EQ(LogKey("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(LogKey("/state/logs/links.log"), LogKey("links.log"));
}

TEST(LogMarkTest, EverySingleFlippedBitIsFoundAndCostsOnlyItsRecord) {
  const std::string bytes = Encoded({kFirst, kSecond, kFirst});
  for (size_t bit = 0; bit < 8 * kLogMarkBytes; ++bit) {
    std::string damaged = bytes;
    damaged[kLogMarkBytes + bit / 8] ^= static_cast<char>(1 << bit % 8);
    const DecodedLogMarks decoded = DecodeLogMarks(damaged);
    ASSERT_THAT(decoded.marks, ElementsAre(kFirst, kFirst)) << "bit " << bit;
    ASSERT_EQ(decoded.damaged, 1u);
  }
}

TEST(LogMarkTest, ATornTailIsCountedAndTheRestRead) {
  const std::string bytes = Encoded({kFirst, kSecond});
  for (size_t cut = 1; cut < kLogMarkBytes; ++cut) {
    const DecodedLogMarks decoded =
        DecodeLogMarks(std::string_view(bytes).substr(0, bytes.size() - cut));
    ASSERT_THAT(decoded.marks, ElementsAre(kFirst));
    ASSERT_EQ(decoded.torn_bytes, kLogMarkBytes - cut);
  }
}

// As a file system may show what was never written after a power failure.
TEST(LogMarkTest, ZeroesAreNoRecord) {
  const DecodedLogMarks decoded =
      DecodeLogMarks(std::string(4 * kLogMarkBytes, '\0'));
  EXPECT_THAT(decoded.marks, IsEmpty());
  EXPECT_EQ(decoded.damaged, 4u);
}

TEST(LogMarkTest, ANegativeOffsetIsRefused) {
  const std::string bytes = Encoded({{.offset = -1}});
  EXPECT_EQ(DecodeLogMarks(bytes).damaged, 1u);
}

}  // namespace
}  // namespace espalier
