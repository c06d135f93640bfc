#include "supervisor/control/log_stream.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace espalier {
namespace {

// A call that gRPC has not taken on behaves as one whose client takes nothing:
// the first message is on its way for ever.
class StuckClient {
 public:
  StuckClient() : stream_(LogStream::Stream::Begin([] {})) {}
  // Nobody else owns what Begin() has made for gRPC.
  ~StuckClient() { delete stream_->reactor(); }

  const std::shared_ptr<LogStream::Stream>& stream() const { return stream_; }

 private:
  const std::shared_ptr<LogStream::Stream> stream_;
};

class LogStreamTest : public testing::Test {
 protected:
  LogStreamTest() { EXPECT_NE(mkdtemp(directory_.data()), nullptr); }
  ~LogStreamTest() override { std::filesystem::remove_all(directory_); }

  void Append(int lines) {
    std::ofstream file(Path(), std::ios::app);
    for (int i = 0; i < lines; ++i) file << "line " << i << "\n";
  }
  // Runs the loop until it has handled what is there.
  void Settle() {
    bool done = false;
    const Loop::Watch later =
        loop_.After(absl::ZeroDuration(), [&] { done = true; });
    loop_.RunUntil([&] { return done; });
  }
  std::string Path() const { return directory_ + "/links.log"; }

  Loop loop_;
  std::string directory_ = testing::TempDir() + "/log_stream_XXXXXX";
};

TEST_F(LogStreamTest, StuckClientGetsNoMoreWhenOthersHaveRoom) {
  const StuckClient client;
  control::v1::LogsRequest request;
  request.set_follow(true);
  LogStream logs(&loop_, client.stream(), request,
                 {{.name = "links", .log_file = Path()}});
  logs.Continue();
  Settle();
  Append(500000);
  for (int i = 0; i < 300; ++i) {
    // As after each message that another client has taken.
    logs.Continue();
    Settle();
  }
  EXPECT_GE(client.stream()->waiting(), 60u) << "it was given something";
  // The limit, and what was read in the turn in which it was reached.
  EXPECT_LE(client.stream()->waiting(), 66u);
  client.stream()->Abort(grpc::Status::CANCELLED);
}

}  // namespace
}  // namespace espalier
