#include "services/links/server/link_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace espalier::links {
namespace {

using ::testing::HasSubstr;

TEST(CheckUrl, AcceptsAbsoluteHttpUrls) {
  for (const char* url :
       {"http://a", "https://example.com/", "HTTPS://Example.com/x?y=z#w",
        "http://127.0.0.1:8080/", "http://[::1]/", "http://[::1]:80/x",
        "https://user@example.com:443/a%20b", "http://a?q", "http://a:65535"}) {
    EXPECT_TRUE(CheckUrl(url).ok()) << url << ": " << CheckUrl(url);
  }
}

TEST(CheckUrl, RefusesEverythingElse) {
  for (const char* url : {"",
                          "/path",
                          "example.com",
                          "ftp://example.com",
                          "javascript://x",
                          "mailto:a@b",
                          "http:/a",
                          "http:a",
                          "://a",
                          "http://",
                          "https:///path",
                          "http://?q",
                          "http://:80/",
                          "http://a:0/",
                          "http://a:65536/",
                          "http://a:b/",
                          "http://a:/",
                          "http://user@/",
                          "http://[]/",
                          "http://[::1/",
                          "http://a b",
                          "http://a/\n",
                          "http://a/\x7f",
                          "http://a/\"",
                          "http://a/<b>",
                          "http://a/\\",
                          "http://\xc3\xa4/"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckUrl(url))) << url;
  }
}

TEST(CheckUrl, RefusesEveryControlCharacter) {
  for (int c = 0; c <= 0x20; ++c) {
    const std::string url =
        std::string("http://a/") + static_cast<char>(c) + "b";
    EXPECT_FALSE(CheckUrl(url).ok()) << c;
  }
}

TEST(CheckUrl, LimitsTheLength) {
  const std::string start = "http://a/";
  EXPECT_TRUE(
      CheckUrl(start + std::string(kMaxUrlBytes - start.size(), 'x')).ok());
  const absl::Status status =
      CheckUrl(start + std::string(kMaxUrlBytes - start.size() + 1, 'x'));
  EXPECT_THAT(std::string(status.message()), HasSubstr("2048"));
}

TEST(CheckCode, AllowsLettersDigitsUnderscoresAndHyphens) {
  EXPECT_TRUE(CheckCode("aZ09_-").ok());
  EXPECT_TRUE(CheckCode(std::string(kMaxCodeBytes, 'a')).ok());
  EXPECT_FALSE(CheckCode(std::string(kMaxCodeBytes + 1, 'a')).ok());
  for (const char* code : {"", "a b", "a/b", "a.b", "\xc3\xa4", "a\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckCode(code))) << code;
  }
}

TEST(RandomCode, IsValidAndNew) {
  std::set<std::string> codes;
  for (int i = 0; i < 1000; ++i) {
    const std::string code = RandomCode();
    EXPECT_TRUE(CheckCode(code).ok()) << code;
    EXPECT_TRUE(codes.insert(code).second) << code;
  }
}

}  // namespace
}  // namespace espalier::links
