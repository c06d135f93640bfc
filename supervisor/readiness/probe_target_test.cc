#include "supervisor/readiness/probe_target.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;

ProbeTarget Tcp(const std::string& host, uint16_t port) {
  return {.address = ProbeTarget::Tcp{.host = host, .port = port}};
}

std::string Complaint(const ProbeTarget& target) {
  return std::string(CheckedAddress(target).status().message());
}

TEST(ProbeTargetTest, DescribesWhereItIs) {
  EXPECT_EQ(DescribeAddress(Tcp("127.0.0.1", 80)), "127.0.0.1:80");
  EXPECT_EQ(DescribeAddress(Tcp("::1", 80)), "[::1]:80");
  EXPECT_EQ(DescribeAddress({.address = ProbeTarget::Unix{.path = "/run/s"}}),
            "/run/s");
}

TEST(ProbeTargetTest, ResolvesLocalAddresses) {
  EXPECT_EQ(CheckedAddress(Tcp("127.0.0.1", 80))->port(), 80);
  EXPECT_EQ(CheckedAddress(Tcp("::1", 81))->port(), 81);
  EXPECT_TRUE(
      CheckedAddress({.address = ProbeTarget::Unix{.path = "/run/s"}}).ok());
}

TEST(ProbeTargetTest, RefusesWhatItMustNotConnectTo) {
  EXPECT_THAT(Complaint(Tcp("127.0.0.1", 0)), HasSubstr("port 0"));
  EXPECT_THAT(Complaint(Tcp("192.0.2.1", 80)),
              HasSubstr("cannot probe 192.0.2.1:80: it is not a loopback"));
  EXPECT_THAT(Complaint(Tcp("localhost", 80)), HasSubstr("in digits"));
  EXPECT_THAT(
      Complaint({.address = ProbeTarget::Unix{.path = std::string(200, 'x')}}),
      HasSubstr("107 bytes"));
}

TEST(ProbeTargetTest, RefusesPathsThatWouldBreakTheRequest) {
  ProbeTarget target = Tcp("127.0.0.1", 80);
  target.kind = ProbeTarget::Kind::kHttp;
  for (const char* path : {"", "healthz", "/a b", "/a\r\nHost: b", "/\x80"}) {
    target.http_path = path;
    EXPECT_THAT(Complaint(target), HasSubstr("is not an HTTP path")) << path;
  }
  target.http_path = "/healthz?verbose=1";
  EXPECT_TRUE(CheckedAddress(target).ok());
}

}  // namespace
}  // namespace espalier
