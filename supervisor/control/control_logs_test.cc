#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpc/grpc.h"
#include "gtest/gtest.h"
#include "supervisor/control/control_fixture.h"
#include "supervisor/logs/sidecar/generation_log.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ControlLogsTest : public ControlFixture {
 protected:
  ControlLogsTest() { StartServer(); }

  void Append(const std::string& text) {
    std::ofstream(LogPath("links"), std::ios::app | std::ios::binary) << text;
  }
  std::vector<std::string> Logs(const ControlClient::LogsOptions& options) {
    std::vector<std::string> lines;
    EXPECT_EQ(
        Connect()->Logs(options,
                        [&](absl::string_view service, absl::string_view line) {
                          lines.push_back(absl::StrCat(service, ": ", line));
                          return true;
                        }),
        absl::OkStatus());
    return lines;
  }
};

TEST_F(ControlLogsTest, LastLines) {
  Append("1\n2\n3\xff\n");
  EXPECT_THAT(Logs({.tail_lines = 2}),
              ElementsAre("links: 2", "links: 3\\xff"));
  EXPECT_THAT(Logs({.services = {"links"}}).size(), 3u);
  EXPECT_THAT(Logs({.services = {"gateway"}}), IsEmpty()) << "has none";
  EXPECT_THAT(Logs({.tail_lines = -5}), IsEmpty());
}

TEST_F(ControlLogsTest, TheEndDoesNotWaitForGrpcsOwn) {
  Append("1\n");
  EXPECT_THAT(Logs({}), ElementsAre("links: 1"));
  StopServer();
  // Its shutdown, when nobody uses it any more, may take 10 s.
  EXPECT_TRUE(grpc_is_initialized());
}

TEST_F(ControlLogsTest, MissingFileIsAnEmptyOne) {
  EXPECT_THAT(Logs({}), IsEmpty());
}

TEST_F(ControlLogsTest, UnknownServiceIsToldWithThoseThereAre) {
  const absl::Status refused =
      Connect()->Logs({.services = {"link"}}, [](auto, auto) { return true; });
  EXPECT_TRUE(absl::IsNotFound(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("`links`, `gateway`"));
}

TEST_F(ControlLogsTest, ManyLinesAllArrive) {
  std::string text;
  for (int i = 0; i < 50000; ++i) absl::StrAppend(&text, "line ", i, "\n");
  Append(text);
  const auto lines = Logs({.tail_lines = 50000});
  ASSERT_EQ(lines.size(), 50000u);
  EXPECT_EQ(lines.front(), "links: line 0");
  EXPECT_EQ(lines.back(), "links: line 49999");
}

class ControlLogPartsTest : public ControlLogsTest {
 protected:
  // A run that begins now and prints `text`.
  void Run(uint64_t generation, const std::string& text) {
    Append("");
    auto log = GenerationLog::Open(GenerationLog::PathBeside(LogPath("links")));
    ASSERT_TRUE(log.ok()) << log.status();
    log->Add(LogPath("links"), generation,
             static_cast<int64_t>(std::filesystem::file_size(LogPath("links"))),
             absl::FromUnixSeconds(static_cast<int64_t>(generation)));
    ASSERT_TRUE(log->Flush().ok());
    Append(text);
  }
};

TEST_F(ControlLogPartsTest, OffsetsRunsAndTimes) {
  Run(1, "1\n2\n");
  Run(2, "3\n4\n");
  EXPECT_THAT(Logs({.part = LogOffset{2}}),
              ElementsAre("links: 2", "links: 3", "links: 4"));
  EXPECT_THAT(Logs({.services = {"links"}, .part = LogGeneration{1}}),
              ElementsAre("links: 1", "links: 2"));
  EXPECT_THAT(Logs({.part = LogGeneration{2}}),
              ElementsAre("links: 3", "links: 4"));
  EXPECT_THAT(Logs({.part = LogSince{absl::FromUnixSeconds(5)}}),
              ElementsAre("links: 3", "links: 4"));
  EXPECT_THAT(Logs({.part = LogOffset{8}}), IsEmpty());
}

TEST_F(ControlLogPartsTest, ErrorsSayWhatThereIs) {
  Run(1, "1\n");
  const auto refused = [&](LogPart part) {
    return std::string(
        Connect()
            ->Logs({.part = part}, [](auto, auto) { return true; })
            .message());
  };
  EXPECT_THAT(refused(LogGeneration{7}),
              HasSubstr("`links`: there is no run 7; the log has run 1"));
  EXPECT_THAT(refused(LogOffset{3}), HasSubstr("the log has 0 to 2"));
}

TEST_F(ControlLogPartsTest, ALargePartArrivesWhole) {
  std::string text;
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&text, "line ", i, "\n");
  Run(1, text);
  Run(2, "next\n");
  const auto lines = Logs({.part = LogGeneration{1}});
  ASSERT_EQ(lines.size(), 100000u);
  EXPECT_EQ(lines.back(), "links: line 99999");
}

TEST_F(ControlLogPartsTest, FollowedFromAnEarlierRunOn) {
  Run(1, "1\n");
  Run(2, "2\n");
  std::vector<std::string> lines;
  EXPECT_EQ(Connect()->Logs({.follow = true, .part = LogGeneration{1}},
                            [&](absl::string_view, absl::string_view line) {
                              lines.emplace_back(line);
                              if (lines.size() == 2) Append("3\n");
                              return lines.size() < 3;
                            }),
            absl::OkStatus());
  EXPECT_THAT(lines, ElementsAre("1", "2", "3"));
}

TEST_F(ControlLogsTest, FollowsFromTheTailOnWithoutGap) {
  Append("0\n");
  int next = 0;
  const absl::Status followed = Connect()->Logs(
      {.follow = true}, [&](absl::string_view, absl::string_view line) {
        EXPECT_EQ(line, absl::StrCat(next));
        ++next;
        // Each is written when the one before has come through.
        Append(absl::StrCat(next, "\n"));
        return next < 200;
      });
  EXPECT_EQ(followed, absl::OkStatus());
}

TEST_F(ControlLogsTest, SlowReaderLosesNothing) {
  Append("0\n");
  int next = 0;
  const absl::Status followed = Connect()->Logs(
      {.follow = true}, [&](absl::string_view, absl::string_view line) {
        EXPECT_EQ(line, absl::StrCat(next));
        if (next++ == 0) {
          // Nothing is read while this is written.
          std::string text;
          for (int i = 1; i <= 100000; ++i) absl::StrAppend(&text, i, "\n");
          Append(text);
        }
        return next <= 100000;
      });
  EXPECT_EQ(followed, absl::OkStatus());
}

TEST_F(ControlLogsTest, FollowsServicesThatComeLater) {
  Append("0\n");
  std::ofstream(LogPath("late")) << "its first line\n";
  std::vector<std::string> lines;
  const auto add = [&](const std::string& line) {
    lines.push_back(line);
    if (lines.size() > 1) return false;
    OnLoop([&] {
      controlled_.Add({.name = "late", .log_file = LogPath("late")});
    });
    return true;
  };
  EXPECT_EQ(
      Connect()->Logs({.follow = true},
                      [&](absl::string_view service, absl::string_view line) {
                        return add(absl::StrCat(service, ": ", line));
                      }),
      absl::OkStatus());
  EXPECT_THAT(lines, ElementsAre("links: 0", "late: its first line"));
}

TEST_F(ControlLogsTest, FollowingEndsWithTheEnvironment) {
  Append("0\n");
  absl::Notification began;
  absl::Status ended;
  const auto client = Connect();
  std::thread following([&] {
    ended = client->Logs({.follow = true}, [&](auto, auto) {
      began.Notify();
      return true;
    });
  });
  began.WaitForNotification();
  StopServer();
  following.join();
  EXPECT_EQ(ended, absl::UnavailableError("the environment has ended"));
}

}  // namespace
}  // namespace espalier
