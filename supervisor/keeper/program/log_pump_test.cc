#include "supervisor/keeper/program/log_pump.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

constexpr StrictLogRule kBlock = {.max_bytes = 1 << 20, .drop = false};

class LogPumpTest : public testing::Test {
 protected:
  LogPumpTest() : directory_(testing::TempDir() + "/pump-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    EXPECT_TRUE(pump_.Start());
  }
  ~LogPumpTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const {
    return directory_ + "/" + name;
  }
  // The end that a service would write into.
  OwnedFd Add(uint32_t id, const std::string& name) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pump_.Add(id, 1, StrictLog(Path(name), 1, kBlock, OwnedFd(ends[0])));
    return OwnedFd(ends[1]);
  }
  static void Write(const OwnedFd& fd, const std::string& text) {
    ASSERT_EQ(write(fd.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  LogNews AwaitNews() {
    while (news_.empty()) {
      pollfd entry{.fd = pump_.fd(), .events = POLLIN, .revents = 0};
      poll(&entry, 1, -1);
      for (const LogNews& news : pump_.TakeNews()) news_.push_back(news);
    }
    const LogNews first = news_.front();
    news_.pop_front();
    return first;
  }
  std::string Text(const std::string& name) const {
    std::ifstream file(Path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string directory_;
  // Its thread has no end but the process's.
  LogPump& pump_ = *new LogPump();
  std::deque<LogNews> news_;
};

TEST_F(LogPumpTest, FinishesWhenNobodyCanWriteAnyMore) {
  OwnedFd writer = Add(7, "log");
  Write(writer, "one\n");
  Write(writer, "two\n");
  writer.Reset();
  const LogNews news = AwaitNews();
  EXPECT_TRUE(news.finished);
  EXPECT_EQ(news.id, 7u);
  EXPECT_EQ(news.lost_bytes, 0u);
  EXPECT_EQ(Text("log"), "one\ntwo\n");
}

TEST_F(LogPumpTest, FinishesWhenAskedThoughThePipeIsOpen) {
  const OwnedFd writer = Add(7, "log");
  Write(writer, "last words\n");
  pump_.Finish(7);
  EXPECT_TRUE(AwaitNews().finished);
  EXPECT_EQ(Text("log"), "last words\n");
}

TEST_F(LogPumpTest, WhatCannotBeWrittenIsLostAtTheEndAndCounted) {
  const OwnedFd writer = Add(7, "missing/log");
  Write(writer, "one\ntwo\n");
  const LogNews trouble = AwaitNews();
  EXPECT_FALSE(trouble.finished);
  EXPECT_EQ(trouble.error, ENOENT);
  EXPECT_EQ(trouble.lost_bytes, 0u);
  pump_.Finish(7);
  const LogNews news = AwaitNews();
  EXPECT_TRUE(news.finished);
  EXPECT_EQ(news.lost_bytes, 8u);
  EXPECT_EQ(news.lost_lines, 2u);
}

TEST_F(LogPumpTest, OneThatIsBlockedHoldsUpNoOther) {
  const OwnedFd blocked = Add(1, "missing/log");
  Write(blocked, "one\n");
  EXPECT_EQ(AwaitNews().error, ENOENT);
  OwnedFd writer = Add(2, "log");
  Write(writer, "two\n");
  writer.Reset();
  EXPECT_EQ(AwaitNews().id, 2u);
  EXPECT_EQ(Text("log"), "two\n");
}

TEST_F(LogPumpTest, AllAreFinishedAtOnce) {
  const OwnedFd first = Add(1, "first");
  const OwnedFd second = Add(2, "second");
  Write(first, "1\n");
  Write(second, "2\n");
  pump_.FinishAll();
  EXPECT_EQ(Text("first"), "1\n");
  EXPECT_EQ(Text("second"), "2\n");
}

}  // namespace
}  // namespace espalier::keeper
