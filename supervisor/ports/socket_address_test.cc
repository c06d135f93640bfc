#include "supervisor/ports/socket_address.h"

#include <sys/socket.h>

#include <string>

#include "gtest/gtest.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

TEST(SocketAddressTest, TakesNumericAddresses) {
  EXPECT_EQ(SocketAddress::Tcp("127.0.0.1", 80)->family(), AF_INET);
  EXPECT_EQ(SocketAddress::Tcp("127.0.0.1", 80)->port(), 80);
  EXPECT_EQ(SocketAddress::Tcp("::1", 8080)->family(), AF_INET6);
  EXPECT_EQ(SocketAddress::Tcp("::1", 8080)->port(), 8080);
  for (const char* bad : {"", "localhost", "127.0.0.1:80", "[::1]", "1.2.3"}) {
    EXPECT_EQ(SocketAddress::Tcp(bad, 80).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(SocketAddressTest, KnowsWhatIsLocal) {
  EXPECT_TRUE(SocketAddress::Tcp("127.0.0.1", 1)->IsLocal());
  EXPECT_TRUE(SocketAddress::Tcp("127.9.9.9", 1)->IsLocal());
  EXPECT_TRUE(SocketAddress::Tcp("::1", 1)->IsLocal());
  EXPECT_TRUE(SocketAddress::Unix("/tmp/socket")->IsLocal());
  EXPECT_FALSE(SocketAddress::Tcp("0.0.0.0", 1)->IsLocal());
  EXPECT_FALSE(SocketAddress::Tcp("192.0.2.1", 1)->IsLocal());
  EXPECT_FALSE(SocketAddress::Tcp("2001:db8::1", 1)->IsLocal());
}

TEST(SocketAddressTest, RefusesPathsThatDoNotFit) {
  const std::string longest(kMaxUnixPath, 'x');
  EXPECT_TRUE(SocketAddress::Unix(longest).ok());
  const absl::Status status = SocketAddress::Unix(longest + "x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("107 bytes, and this one has 108"),
            absl::string_view::npos)
      << status;
  EXPECT_FALSE(SocketAddress::Unix("").ok());
  EXPECT_FALSE(SocketAddress::Unix(std::string("a\0b", 3)).ok());
}

TEST(SocketAddressTest, ReadsWhereASocketIsBound) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress any = *SocketAddress::Tcp("127.0.0.1", 0);
  ASSERT_EQ(bind(fd.get(), any.get(), any.size()), 0);
  EXPECT_NE(SocketAddress::Of(fd.get())->port(), 0);
  EXPECT_FALSE(SocketAddress::Of(-1).ok());
}

}  // namespace
}  // namespace espalier
