// Services are frozen and thawed by whoever operates the environment, and tell
// what they do.

#include <csignal>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class FreezeTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(asked_.AwaitOutput("Ctrl-C stops it")) << asked_.output();
  }

  // Runs it to its end.
  int Envctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "tools/envctl/envctl");
    arguments.push_back(DataFlag());
    ChildProgram envctl(arguments);
    const int exit_code = envctl.Wait();
    output_ = envctl.output();
    return exit_code;
  }
  json Ps() {
    EXPECT_EQ(Envctl({"ps", "--json"}), 0) << output_;
    return json::parse(output_);
  }
  json Get(const std::string& name) {
    const json all = Ps();
    for (const json& service : all["services"]) {
      if (service["name"] == name) return service;
    }
    ADD_FAILURE() << "there is no " << name;
    return {};
  }
  // What the output of `events --json` tells, from the first move to `state`.
  std::vector<std::string> StoryFrom(const std::string& state) const {
    std::vector<std::string> story;
    std::istringstream lines(output_);
    for (std::string line; std::getline(lines, line);) {
      const json event = json::parse(line);
      if (event["event"] == "run_began") continue;
      const std::string what =
          event["event"] == "transition"
              ? event["to"].get<std::string>()
              : absl::StrCat(event["event"].get<std::string>(), " ",
                             event["generation"].get<int>());
      if (!story.empty() || what == state) story.push_back(what);
    }
    return story;
  }
  std::string DataFlag() const {
    return absl::StrCat("--data_dir=", data_.path());
  }

  TestDirectory data_;
  ChildProgram asked_{{"tests/environments/asked", DataFlag()}};
  std::string output_;
};

TEST_F(FreezeTest, WhatIsFrozenIsLeftAloneUntilItThaws) {
  ASSERT_EQ(Envctl({"freeze", "frozen"}), 0) << output_;
  EXPECT_THAT(output_, StartsWith("frozen: frozen after"));
  // Another one hangs from now on, and is restarted for it: so long would have
  // been enough for the first.
  const json witness = Get("witness");
  ChildProgram events(
      {"tools/envctl/envctl", "events", "--follow", "witness", DataFlag()});
  ASSERT_EQ(kill(witness["pid"].get<pid_t>(), SIGSTOP), 0);
  ASSERT_TRUE(events.AwaitOutput("liveness lost")) << events.output();

  const json frozen = Get("frozen");
  EXPECT_EQ(frozen["state"], "READY");
  EXPECT_EQ(frozen["frozen"], true);
  EXPECT_EQ(frozen["generation"], 1);
  EXPECT_THAT(frozen["why"].get<std::string>(),
              HasSubstr("envctl thaw frozen"));
  EXPECT_EQ(Envctl({"ps"}), 0);
  EXPECT_THAT(output_, HasSubstr("READY (frozen)"));

  ASSERT_EQ(Envctl({"thaw", "frozen"}), 0) << output_;
  EXPECT_THAT(output_, StartsWith("frozen: thawed after"));
  EXPECT_EQ(Get("frozen")["frozen"], false);
  // It is asked again.
  ChildProgram more(
      {"tools/envctl/envctl", "events", "--follow", "frozen", DataFlag()});
  ASSERT_EQ(kill(frozen["pid"].get<pid_t>(), SIGSTOP), 0);
  EXPECT_TRUE(more.AwaitOutput("liveness lost")) << more.output();
}

TEST_F(FreezeTest, WhatIsFrozenStopsAsEver) {
  ASSERT_EQ(Envctl({"freeze", "frozen"}), 0) << output_;
  ASSERT_EQ(Envctl({"stop", "frozen"}), 0) << output_;
  // It had been thawed, and so could end by itself.
  ASSERT_EQ(Envctl({"explain", "frozen"}), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("INACTIVE"));
  EXPECT_THAT(output_, HasSubstr("killed by SIGTERM"));
  EXPECT_EQ(Get("frozen")["frozen"], false);
  EXPECT_EQ(Envctl({"freeze", "frozen"}), 1);
  EXPECT_THAT(output_, HasSubstr("'frozen' is not ready"));
  ASSERT_EQ(Envctl({"start", "frozen"}), 0) << output_;
  ASSERT_EQ(Envctl({"freeze", "frozen"}), 0) << output_;
  ASSERT_EQ(Envctl({"restart", "frozen"}), 0) << output_;
  EXPECT_EQ(Get("frozen")["frozen"], false);
}

// Each once, between the moves of the service, and also when nothing runs any
// more.
TEST_F(FreezeTest, WhatIsFrozenAndThawedIsAnEvent) {
  for (const char* command : {"freeze", "freeze", "thaw", "thaw", "freeze"}) {
    ASSERT_EQ(Envctl({command, "frozen"}), 0) << output_;
  }
  ASSERT_EQ(Envctl({"restart", "frozen"}), 0) << output_;
  ASSERT_EQ(Envctl({"events", "--json", "frozen"}), 0) << output_;
  const std::vector<std::string> story = StoryFrom("READY");
  EXPECT_THAT(story, ElementsAre("READY", "frozen 1", "thawed 1", "frozen 1",
                                 "STOPPING", "DRAINING", "BACKOFF", "WAITING",
                                 "SPAWNING", "STARTING", "READY"));
  ASSERT_EQ(Envctl({"stop"}), 0) << output_;
  EXPECT_EQ(Envctl({"events", "frozen", "--environment=asked"}), 0);
  EXPECT_THAT(output_, HasSubstr("run 1, freeze requested"));
  EXPECT_THAT(output_, HasSubstr("run 1, thaw requested"));
}

TEST_F(FreezeTest, WhatAServiceSaysOfItselfIsShown) {
  EXPECT_EQ(Get("talker")["status"], "at work");
  EXPECT_EQ(Envctl({"ps"}), 0);
  EXPECT_THAT(output_, HasSubstr("at work"));
}

// What this machine does not offer is said when an environment starts and by
// `envctl ps`, in the same words.
TEST_F(FreezeTest, F08WhatIsWeakerHereIsSaid) {
  const json notes = Ps()["notes"];
  EXPECT_EQ(Envctl({"ps"}), 0);
  for (const json& note : notes) {
    EXPECT_THAT(asked_.output(), HasSubstr(note.get<std::string>()));
    EXPECT_THAT(output_, HasSubstr("note: " + note.get<std::string>()));
  }
  EXPECT_EQ(notes.empty(),
            asked_.output().find("without a cgroup") == std::string::npos);
}

}  // namespace
}  // namespace espalier
