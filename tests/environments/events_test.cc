// What has happened in an environment can be told: while it runs, afterwards,
// after a kill, and with a full disk.

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class EventsTest : public testing::Test {
 protected:
  std::vector<std::string> Two(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"environments/two", DataFlag(), "--noreport"});
    return flags;
  }
  std::vector<std::string> EnvctlCommand(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "tools/envctl/envctl");
    arguments.push_back(DataFlag());
    return arguments;
  }
  // Runs it to its end.
  int Envctl(std::vector<std::string> arguments) {
    ChildProgram envctl(EnvctlCommand(std::move(arguments)));
    const int exit_code = envctl.Wait();
    output_ = envctl.output();
    return exit_code;
  }
  std::vector<json> Events(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"events", "--json"});
    EXPECT_EQ(Envctl(arguments), 0) << output_;
    std::vector<json> events;
    for (absl::string_view line :
         absl::StrSplit(output_, '\n', absl::SkipEmpty())) {
      events.push_back(json::parse(std::string(line)));
    }
    return events;
  }
  std::string DataFlag() const {
    return absl::StrCat("--data_dir=", data_.path());
  }
  std::string Journal() const { return data_.path() + "/two/default/journal"; }

  TestDirectory data_;
  std::string output_;
};

TEST_F(EventsTest, AWholeRunIsToldWhenItIsOver) {
  ChildProgram two(Two({"--check"}));
  ASSERT_EQ(two.Wait(), 0) << two.output();
  const std::vector<json> events = Events();
  ASSERT_GT(events.size(), 10u);
  EXPECT_EQ(events.front()["event"], "run_began");
  EXPECT_EQ(events.back()["event"], "run_ended");
  EXPECT_EQ(events.back()["error"], "");
  std::map<std::string, std::vector<std::string>> states;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["revision"], i + 1);
    if (events[i]["event"] == "transition") {
      states[events[i]["service"]].push_back(events[i]["to"]);
    }
  }
  EXPECT_THAT(states["links"],
              testing::ElementsAre("WAITING", "SPAWNING", "STARTING", "READY",
                                   "STOPPING", "DRAINING", "INACTIVE"));
  EXPECT_EQ(states["gateway"], states["links"]);
}

TEST_F(EventsTest, AKillLosesNothing) {
  {
    ChildProgram two(Two());
    ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
    EXPECT_EQ(Envctl({"restart", "links"}), 0) << output_;
    two.Signal(SIGKILL);
    two.Wait();
  }
  const std::vector<json> before = Events();
  EXPECT_EQ(before.back()["service"], "links");
  EXPECT_EQ(before.back()["to"], "READY");
  EXPECT_EQ(before.back()["generation"], 2);
  ChildProgram two(Two({"--check"}));
  ASSERT_EQ(two.Wait(), 0) << two.output();
  EXPECT_EQ(Envctl({"events"}), 0);
  EXPECT_THAT(output_, HasSubstr("the one before was killed"));
  EXPECT_THAT(output_, Not(HasSubstr("missing")));
  const std::vector<json> after =
      Events({absl::StrCat("--since=", before.back()["revision"].dump())});
  EXPECT_EQ(after.front()["event"], "run_began");
}

TEST_F(EventsTest, FollowsUntilTheEnd) {
  ChildProgram two(Two());
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  ChildProgram follower(EnvctlCommand({"events", "-f"}));
  ASSERT_TRUE(follower.AwaitOutput("STARTING -> READY"));
  EXPECT_EQ(Envctl({"restart", "links"}), 0) << output_;
  ASSERT_TRUE(follower.AwaitOutput("restart requested"));
  two.Signal(SIGTERM);
  EXPECT_EQ(two.Wait(), 0);
  follower.Wait();
  EXPECT_THAT(follower.output(), HasSubstr("two          ended\n"));
}

TEST_F(EventsTest, WhyAnEnvironmentEndedIsTold) {
  ChildProgram faulty(
      {"tests/environments/faulty", DataFlag(), "--fault=no_such_mode"});
  EXPECT_EQ(faulty.Wait(), 1) << faulty.output();
  EXPECT_EQ(Envctl({"events"}), 0);
  EXPECT_THAT(output_, HasSubstr("exited: exit code 125"));
  EXPECT_THAT(output_, HasSubstr("ended: faulty ended with exit code 125"));
}

TEST_F(EventsTest, TheRunsOfAGroupAreTold) {
  ChildProgram faulty(
      {"tests/environments/faulty", DataFlag(), "--fault=group"});
  EXPECT_EQ(faulty.Wait(), 1) << faulty.output();
  std::vector<std::string> runs;
  for (const json& event : Events({"shop/store"})) {
    if (event["event"] != "group_transition") continue;
    EXPECT_EQ(event["group"], "shop");
    runs.push_back(
        absl::StrCat(event["run"].dump(), " ", std::string(event["to"])));
  }
  EXPECT_THAT(runs, testing::ElementsAre("1 RUNNING", "1 PAUSING", "1 STOPPING",
                                         "2 RUNNING", "2 STOPPING", "2 ENDED"));
  EXPECT_EQ(Envctl({"events"}), 0);
  EXPECT_THAT(output_, HasSubstr("shop         RUNNING  -> PAUSING   group, "
                                 "run 1: failed 1 of 2 times, next run in"));
  EXPECT_EQ(Envctl({"events", "good"}), 0);
  EXPECT_THAT(output_, Not(HasSubstr("group, run")));
}

TEST_F(EventsTest, WhatHappensNextIsExplained) {
  ChildProgram faulty({"tests/environments/faulty", DataFlag(),
                       "--fault=stubborn", "--follow"});
  ASSERT_TRUE(faulty.AwaitOutput("Ctrl-C stops it")) << faulty.output();
  ASSERT_TRUE(faulty.AwaitOutput("ignoring SIGTERM")) << faulty.output();
  faulty.Signal(SIGTERM);
  ASSERT_TRUE(faulty.AwaitOutput("stopping")) << faulty.output();
  // It has an hour.
  do {
    ASSERT_EQ(Envctl({"explain", "faulty"}), 0) << output_;
  } while (output_.find("STOPPING") == std::string::npos);
  EXPECT_THAT(output_, HasSubstr("faulty has been stopping for "));
  EXPECT_THAT(output_, HasSubstr("(its group stops)"));
  EXPECT_THAT(output_, HasSubstr("next      ends, or is killed in "));
  EXPECT_THAT(output_, HasSubstr("; then is stopped"));
  EXPECT_EQ(Envctl({"explain", "good", "--json"}), 0) << output_;
  EXPECT_EQ(json::parse(output_)["chain"][0]["state"], "READY");
  faulty.Signal(SIGTERM);
  faulty.Wait();
}

// F65: a limit on the size of files is a full disk for whoever writes them.
TEST_F(EventsTest, F65SupervisionGoesOnWithAFullDisk) {
  ChildProgram two(Two());
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  rlimit before = {};
  ASSERT_EQ(prlimit(two.pid(), RLIMIT_FSIZE, nullptr, &before), 0);
  rlimit full = before;
  full.rlim_cur = std::filesystem::file_size(Journal()) + 10;
  ASSERT_EQ(prlimit(two.pid(), RLIMIT_FSIZE, &full, nullptr), 0);
  EXPECT_EQ(Envctl({"restart", "links"}), 0) << output_;
  EXPECT_EQ(Envctl({"restart", "gateway"}), 0) << output_;
  ASSERT_TRUE(two.AwaitOutput("cannot write the journal")) << two.output();
  EXPECT_EQ(Events().back()["service"], "gateway") << "told, but not kept";
  const auto kept = std::filesystem::file_size(Journal());
  EXPECT_LE(kept, full.rlim_cur);
  ASSERT_EQ(prlimit(two.pid(), RLIMIT_FSIZE, &before, nullptr), 0);
  EXPECT_EQ(Envctl({"restart", "links"}), 0) << output_;
  ASSERT_TRUE(two.AwaitOutput("the journal can be written again"));
  two.Signal(SIGTERM);
  EXPECT_EQ(two.Wait(), 0) << two.output();
  EXPECT_EQ(Envctl({"events"}), 0);
  EXPECT_THAT(output_, HasSubstr("are missing: they could not be written"));
  EXPECT_THAT(output_, HasSubstr("ended\n"));
}

}  // namespace
}  // namespace espalier
