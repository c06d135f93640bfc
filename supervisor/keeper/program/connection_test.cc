#include "supervisor/keeper/program/connection.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <variant>
#include <vector>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client_.Reset(ends[0]);
    connection_.emplace(OwnedFd(ends[1]));
  }

  void SendBytes(std::string_view bytes, int descriptors = 0) {
    std::vector<int> numbers(descriptors, client_.get());
    iovec data = {const_cast<char*>(bytes.data()), bytes.size()};
    std::string control(CMSG_SPACE(descriptors * sizeof(int)), '\0');
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (descriptors > 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
      std::memcpy(CMSG_DATA(header), numbers.data(), descriptors * sizeof(int));
    }
    ASSERT_EQ(sendmsg(client_.get(), &message, MSG_DONTWAIT),
              static_cast<ssize_t>(bytes.size()));
  }

  static std::string Frame(const Request& request) {
    std::string bytes;
    Encode(request, &bytes);
    return bytes;
  }

  static Request SpawnWithListeners(uint32_t id, int count) {
    SpawnRequest request;
    request.id = id;
    request.listener_names.assign(count, "name");
    return request;
  }

  // What the other end was told, all of it.
  std::vector<Event> Told() {
    EXPECT_TRUE(connection_->Flush());
    std::string bytes(1 << 16, '\0');
    const ssize_t n =
        recv(client_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(n > 0 ? n : 0);
    std::vector<Event> events;
    std::string_view rest = bytes, frame;
    size_t consumed;
    while (NextFrame(rest, &frame, &consumed) == FrameResult::kFrame) {
      EXPECT_TRUE(Decode(frame, &events.emplace_back()));
      rest.remove_prefix(consumed);
    }
    return events;
  }

  OwnedFd client_;
  std::optional<Connection> connection_;
};

TEST_F(ConnectionTest, RequestsMayComeInAnyPieces) {
  std::string bytes;
  for (uint32_t id = 0; id < 3; ++id) {
    bytes += Frame(KillRequest{.id = id, .generation = 1});
  }
  uint32_t next = 0;
  for (char byte : bytes) {
    SendBytes(std::string_view(&byte, 1));
    ASSERT_TRUE(connection_->Read());
    while (auto received = connection_->Next()) {
      EXPECT_EQ(std::get<KillRequest>(received->request).id, next++);
    }
  }
  EXPECT_EQ(next, 3u);
}

TEST_F(ConnectionTest, DescriptorsComeWithTheirOwnRequest) {
  SendBytes(Frame(KillRequest{}));
  SendBytes(Frame(SpawnWithListeners(1, 2)), 2);
  SendBytes(Frame(SpawnWithListeners(2, 0)));
  SendBytes(Frame(SpawnWithListeners(3, 250)), 250);
  ASSERT_TRUE(connection_->Read());
  for (size_t count : {0, 2, 0, 250}) {
    const auto received = connection_->Next();
    ASSERT_TRUE(received.has_value());
    EXPECT_EQ(received->descriptors.size(), count);
    EXPECT_FALSE(received->descriptors_lost);
    for (const OwnedFd& fd : received->descriptors) {
      EXPECT_EQ(fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
    }
  }
  EXPECT_FALSE(connection_->Next().has_value());
}

// Out of descriptors, the kernel drops some: it must be known of which request.
TEST_F(ConnectionTest, F03LostDescriptorsAreToldOfTheRequestTheyBelongedTo) {
  SendBytes(Frame(SpawnWithListeners(1, 200)), 200);
  SendBytes(Frame(SpawnWithListeners(2, 1)), 1);
  rlimit limit, low;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  low = limit;
  low.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  ASSERT_TRUE(connection_->Read());
  auto first = connection_->Next();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->descriptors_lost);
  const auto second = connection_->Next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(std::get<SpawnRequest>(second->request).id, 2u);
}

TEST_F(ConnectionTest, AMalformedFrameIsRefusedCountedAndHasNoEffect) {
  std::string unknown_kind = Frame(KillRequest{});
  unknown_kind[sizeof(uint32_t)] = '\x77';
  SendBytes(unknown_kind);
  SendBytes(Frame(SpawnWithListeners(1, 1)));  // And no descriptor.
  SendBytes(Frame(KillRequest{.id = 7, .generation = 1}));
  ASSERT_TRUE(connection_->Read());
  const auto received = connection_->Next();
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(std::get<KillRequest>(received->request).id, 7u);
  const auto told = Told();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(std::get<RefusedEvent>(told[0]).count, 1u);
  EXPECT_EQ(std::get<RefusedEvent>(told[1]).count, 2u);
  EXPECT_FALSE(connection_->broken());
}

TEST_F(ConnectionTest, ALengthWithoutSenseBreaksTheConnection) {
  SendBytes(std::string(8, '\xff'));
  ASSERT_TRUE(connection_->Read());
  EXPECT_FALSE(connection_->Next().has_value());
  EXPECT_TRUE(connection_->broken());
  EXPECT_EQ(Told().size(), 1u);
}

TEST_F(ConnectionTest, ReadsNothingMoreFromAClientThatDoesNotReadEither) {
  EXPECT_EQ(connection_->interest(), EPOLLIN);
  const RefusedEvent large{.count = 1, .reason = std::string(1 << 20, 'x')};
  for (int i = 0; i < 6; ++i) connection_->Send(large);
  ASSERT_TRUE(connection_->Flush());
  EXPECT_EQ(connection_->interest(), EPOLLOUT);
  std::string sink(1 << 20, '\0');
  size_t total = 0;
  while (connection_->interest() != EPOLLIN) {
    const ssize_t n =
        recv(client_.get(), sink.data(), sink.size(), MSG_DONTWAIT);
    ASSERT_GT(n, 0);
    total += n;
    ASSERT_TRUE(connection_->Flush());
  }
  EXPECT_GT(total, 5u << 20);
}

TEST_F(ConnectionTest, TheEndOfTheClientIsSeen) {
  client_.Reset();
  EXPECT_FALSE(connection_->Read());
}

}  // namespace
}  // namespace espalier::keeper
