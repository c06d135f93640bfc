#include "tools/envctl/run_envctl.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "supervisor/control/fake_environment.h"
#include "supervisor/instance/host_facts.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RunEnvctlTest : public testing::Test {
 protected:
  RunEnvctlTest() {
    EXPECT_NE(mkdtemp(host_.tmp.data()), nullptr);
    host_.test_tmpdir = host_.tmp;
  }
  ~RunEnvctlTest() override {
    environments_.clear();
    std::filesystem::remove_all(host_.tmp);
  }

  FakeEnvironment& Start(const std::string& name) {
    environments_.push_back(std::make_unique<FakeEnvironment>(host_, name));
    return *environments_.back();
  }
  int Run(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream errors;
    const int code =
        RunEnvctl(arguments, {.out = out, .errors = errors}, host_);
    out_ = out.str();
    errors_ = errors.str();
    return code;
  }

  HostFacts host_ = {.uid = geteuid(),
                     .executable = "/opt/envctl",
                     .working_directory = "/",
                     .home = "/home/u",
                     .tmp = "/tmp/envctl_XXXXXX"};
  std::vector<std::unique_ptr<FakeEnvironment>> environments_;
  std::string out_;
  std::string errors_;
};

TEST_F(RunEnvctlTest, PsShowsTheOnlyEnvironment) {
  Start("two");
  EXPECT_EQ(Run({"ps"}), 0) << errors_;
  EXPECT_THAT(out_, HasSubstr("links"));
  EXPECT_THAT(out_, HasSubstr("4711"));
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_EQ(Run({"ps", "--json"}), 0) << errors_;
  EXPECT_EQ(nlohmann::json::parse(out_)["services"].size(), 2u);
}

TEST_F(RunEnvctlTest, SeveralNeedAName) {
  Start("one");
  Start("two");
  EXPECT_EQ(Run({"ps"}), 1);
  EXPECT_THAT(errors_, HasSubstr("several environments are running: `one`, "
                                 "`two`; say which one"));
  EXPECT_EQ(Run({"ps", "--environment=two"}), 0) << errors_;
  EXPECT_EQ(Run({"list"}), 0);
  EXPECT_THAT(out_, HasSubstr("one"));
  EXPECT_THAT(out_, HasSubstr("two"));
  EXPECT_EQ(Run({"list", "--environment=two"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("one")));
}

TEST_F(RunEnvctlTest, NothingRunning) {
  EXPECT_EQ(Run({"restart", "links", "--environment=two"}), 1);
  EXPECT_EQ(errors_,
            "envctl: no environment `two` is running in this checkout; "
            "start it with: bazel run //environments:two\n");
  EXPECT_EQ(Run({"list"}), 0);
  EXPECT_EQ(errors_, "no environment is running\n");
  EXPECT_EQ(Run({"list", "--json"}), 0);
  EXPECT_EQ(out_, "[]\n");
}

TEST_F(RunEnvctlTest, OperatesOnServices) {
  Start("two");
  EXPECT_EQ(Run({"restart", "links", "gateway"}), 0) << errors_;
  EXPECT_THAT(out_, HasSubstr("links: ready after "));
  EXPECT_THAT(out_, HasSubstr("gateway: ready after "));
  EXPECT_EQ(Run({"stop", "gateway"}), 0) << errors_;
  EXPECT_THAT(out_, HasSubstr("gateway: stopped after "));
  EXPECT_EQ(Run({"start", "nobody"}), 1);
  EXPECT_EQ(errors_,
            "envctl: cannot start `nobody`: there is no service `nobody`\n");
}

TEST_F(RunEnvctlTest, StopWaitsForTheEndOfTheEnvironment) {
  Start("two");
  EXPECT_EQ(Run({"stop"}), 0) << errors_;
  EXPECT_THAT(out_, HasSubstr("two: stopped after "));
  EXPECT_EQ(Run({"ps"}), 1) << "its lock is free";
}

TEST_F(RunEnvctlTest, LogsAreAlignedAndLimited) {
  std::ofstream(Start("two").log()) << "1\n2\n3\n";
  EXPECT_EQ(Run({"logs", "-n", "2"}), 0) << errors_;
  EXPECT_EQ(out_, "links | 2\nlinks | 3\n");
  EXPECT_EQ(Run({"logs", "nobody"}), 1);
  EXPECT_THAT(errors_, HasSubstr("there is no service `nobody`"));
}

TEST_F(RunEnvctlTest, Explains) {
  Start("two");
  EXPECT_EQ(Run({"explain", "gateway"}), 0) << errors_;
  EXPECT_THAT(out_, HasSubstr("gateway: READY for 3.0 s"));
  EXPECT_EQ(Run({"explain", "gateway", "--json"}), 0) << errors_;
  EXPECT_EQ(nlohmann::json::parse(out_)["chain"][0]["service"], "gateway");
  EXPECT_EQ(Run({"explain"}), 2);
  EXPECT_EQ(Run({"explain", "nobody"}), 1);
  EXPECT_THAT(errors_, HasSubstr("there is no service `nobody`"));
}

TEST_F(RunEnvctlTest, EventsAreToldAlsoWhenItDoesNotRunAnyMore) {
  EXPECT_EQ(Run({"events"}), 1);
  EXPECT_THAT(errors_, HasSubstr("no environment is running"));
  Start("two");
  EXPECT_EQ(Run({"events"}), 0) << errors_;
  EXPECT_THAT(out_, HasSubstr("1 links "));
  const std::string told = out_;
  EXPECT_EQ(Run({"events", "--since=1"}), 0) << errors_;
  EXPECT_THAT(out_, IsEmpty());
  environments_.clear();
  EXPECT_EQ(Run({"events"}), 0) << errors_;
  EXPECT_EQ(out_, told);
  EXPECT_EQ(Run({"events", "--json", "--service=links"}), 0) << errors_;
  EXPECT_EQ(nlohmann::json::parse(out_)["to"], "READY");
  for (const char* flag : {"--service=gateway", "--since=1", "--since=0s"}) {
    EXPECT_EQ(Run({"events", flag}), 0) << errors_;
    EXPECT_THAT(out_, IsEmpty()) << flag;
  }
  EXPECT_EQ(Run({"events", "--since=1h"}), 0) << errors_;
  EXPECT_EQ(out_, told);
  EXPECT_EQ(Run({"events", "--since=then"}), 1);
  EXPECT_THAT(errors_, HasSubstr("not `then`"));
  EXPECT_EQ(Run({"events", "-f"}), 1);
  EXPECT_THAT(errors_, HasSubstr("`two` is not running"));
}

TEST_F(RunEnvctlTest, PartsOfALog) {
  std::ofstream(Start("two").log()) << "1\n2\n3\n";
  EXPECT_EQ(Run({"logs", "links", "--offset=2"}), 0) << errors_;
  EXPECT_EQ(out_, "links | 2\nlinks | 3\n");
  EXPECT_EQ(Run({"logs", "links", "--offset=7"}), 1);
  EXPECT_EQ(errors_,
            "envctl: `links`: there is no offset 7; the log has 0 to 6\n");
  EXPECT_EQ(Run({"logs", "links", "--generation=3"}), 1);
  EXPECT_THAT(errors_, HasSubstr("there is no run 3; the log has no runs"));
  EXPECT_EQ(Run({"logs", "--since=10m"}), 0) << errors_;
  EXPECT_EQ(out_, "links | 1\nlinks | 2\nlinks | 3\n");
  EXPECT_EQ(Run({"logs", "--since=1234"}), 1);
  EXPECT_THAT(errors_, HasSubstr("--since takes a time"));
}

TEST_F(RunEnvctlTest, HelpAndMisuse) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("usage: envctl COMMAND"));
  for (const char* command :
       {"ps", "list", "restart", "start", "reload", "freeze", "thaw", "exec",
        "stop", "logs", "events", "completion"}) {
    EXPECT_EQ(Run({"help", command}), 0);
    EXPECT_THAT(out_, HasSubstr(std::string("usage: envctl ") + command));
    EXPECT_THAT(out_, HasSubstr(std::string("envctl ") + command))
        << "an example";
  }
  EXPECT_EQ(Run({"completion"}), 0);
  EXPECT_THAT(out_, HasSubstr("complete -F _envctl envctl"));
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"bogus"}), 2);
  EXPECT_THAT(errors_, HasSubstr("there is no command `bogus`"));
  EXPECT_EQ(Run({"help", "bogus"}), 2);
  EXPECT_THAT(errors_, HasSubstr("there is no command `bogus`"));
}

TEST_F(RunEnvctlTest, AFullDiskIsAnError) {
  Start("two");
  std::ofstream out("/dev/full");
  std::ostringstream errors;
  EXPECT_EQ(RunEnvctl({"ps"}, {.out = out, .errors = errors}, host_), 1);
  EXPECT_EQ(errors.str(), "envctl: not all of the output could be written\n");
}

}  // namespace
}  // namespace espalier
