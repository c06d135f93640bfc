// Whole runs of tests: what a failure shows and keeps, and a test that uses an
// environment which runs already.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string Content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// A run of those of the tests that fail on purpose whose names match `filter`.
class FailingRun {
 public:
  explicit FailingRun(const std::string& filter,
                      const std::string& variable = "UNUSED=")
      : example_({"tests/testing/failing_example",
                  absl::StrCat("--gtest_filter=", filter)},
                 {.environment = {absl::StrCat("TEST_UNDECLARED_OUTPUTS_DIR=",
                                               outputs_.path()),
                                  variable}}) {
    EXPECT_EQ(example_.Wait(), 1);
  }

  const std::string& output() const { return example_.output(); }
  std::string kept(const std::string& name) const {
    return absl::StrCat(outputs_.path(), "/", name);
  }

 private:
  const TestDirectory outputs_;
  ChildProgram example_;
};

TEST(TestRunsTest, AFailureShowsEachServiceAndKeepsTheLogs) {
  const FailingRun run("FailingExample.ExpectsTheWrongState");
  EXPECT_THAT(run.output(),
              AllOf(HasSubstr("links is READY (run 1, process "),
                    HasSubstr("its log ends with\n  | links_server: serving"),
                    HasSubstr("The logs are kept in ")));
  EXPECT_THAT(Content(run.kept("FailingExample.ExpectsTheWrongState-1/"
                               "links.log")),
              HasSubstr("serving http1"));
}

TEST(TestRunsTest, MistakesAreNamed) {
  const FailingRun run("FailingExample.AsksFor*:FailingExample.CannotStart");
  EXPECT_THAT(
      run.output(),
      AllOf(HasSubstr("no service is called `lnks`; there are: links"),
            HasSubstr("'No Such Name' cannot be the name of a service")));
}

TEST(TestRunsTest, AStartThatFailsShowsTheServicesAndNamesTheLogThatIsKept) {
  const FailingRun run("FailingExample.FailsWhileItStarts");
  const std::string log =
      run.kept("FailingExample.FailsWhileItStarts-1/script.log");
  EXPECT_THAT(run.output(),
              AllOf(HasSubstr("script is FAILED (run 1"),
                    HasSubstr(absl::StrCat("log: ", log, ", which ends"))));
  EXPECT_EQ(Content(log), "no such table\n");
}

// What it writes while it stops is kept as well.
TEST(TestRunsTest, AFailureInASuiteIsShownAtItsEndAndTheLogsAreKept) {
  const FailingRun run("FailingSuite.*");
  EXPECT_THAT(run.output(),
              ContainsRegex("script is READY[^[]*"
                            "\\[  FAILED  \\] FailingSuite.Fails"));
  EXPECT_EQ(Content(run.kept("FailingSuite-1/script.log")), "hello\ngoodbye\n");
}

TEST(TestRunsTest, ALogThatCannotBeKeptIsNamed) {
  ChildProgram example({"tests/testing/failing_example",
                        "--gtest_filter=FailingExample.ExpectsTheWrongState"},
                       {.environment = {"TEST_UNDECLARED_OUTPUTS_DIR="
                                        "/proc/none"}});
  EXPECT_EQ(example.Wait(), 1);
  EXPECT_THAT(
      example.output(),
      AllOf(ContainsRegex("The log /[^ ]*/links.log could not be kept as "
                          "/proc/none/[^ ]*/links.log: No such file"),
            Not(HasSubstr("are kept in"))));
}

TEST(TestRunsTest, AWaitEndsBeforeTheTestsTimeIsOver) {
  const FailingRun run("FailingDeadline.OfWaits", "TEST_TIMEOUT=2");
  EXPECT_THAT(
      run.output(),
      AllOf(HasSubstr("waited until the test's time (TEST_TIMEOUT, 2 s) was "
                      "nearly over for what the test wants of `script`; script "
                      "is READY (run 1"),
            ContainsRegex("for the environment to end:.  script has been rea"),
            HasSubstr("---- script is READY")));
  EXPECT_EQ(Content(run.kept("FailingDeadline.OfWaits-1/script.log")),
            "hello\n");
}

// It ignores SIGTERM, and would be killed after the grace time of its stop.
TEST(TestRunsTest, AStartEndsBeforeTheTestsTimeIsOver) {
  const FailingRun run("FailingDeadline.OfAStart", "TEST_TIMEOUT=2");
  EXPECT_THAT(run.output(),
              AllOf(ContainsRegex("for everything to be ready:.  script "),
                    HasSubstr("---- script is STARTING")));
  EXPECT_EQ(Content(run.kept("FailingDeadline.OfAStart-1/script.log")),
            "never ready\n");
}

TEST(TestRunsTest, WhichEnvironmentIsUsedIsSaid) {
  EXPECT_THAT(
      FailingRun("FailingSuite.Fails", "ESPALIER_TEST_ENVIRONMENT=tset")
          .output(),
      HasSubstr("ESPALIER_TEST_ENVIRONMENT is tset: the test starts its own "
                "environment, which is called `test`"));
  EXPECT_THAT(
      FailingRun("FailingSuite.Fails", "ESPALIER_TEST_ENVIRONMENT=test")
          .output(),
      HasSubstr("its own environment, since its handles are no type with"));
}

TEST(TestRunsTest, ATestUsesAnEnvironmentThatRunsAlready) {
  const TestDirectory state;
  const std::vector<std::string> environment = {
      absl::StrCat("XDG_STATE_HOME=", state.path()),
      absl::StrCat("XDG_CACHE_HOME=", state.path())};
  ChildProgram two({"environments/two", "--noreport"},
                   {.environment = environment, .unset = {"TEST_TMPDIR"}});
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  for (int run = 0; run < 2; ++run) {
    std::vector<std::string> variables = environment;
    variables.push_back("ESPALIER_TEST_ENVIRONMENT=two");
    ChildProgram test({"tests/testing/follows_links_test"},
                      {.environment = variables});
    EXPECT_EQ(test.Wait(), 0) << test.output();
    EXPECT_THAT(test.output(), HasSubstr("the test uses the one that runs"));
  }
  two.Signal(SIGTERM);
  EXPECT_EQ(two.Wait(), 0) << two.output();
  EXPECT_THAT(two.output(), HasSubstr("gateway: ready")) << "restarted by them";

  std::vector<std::string> variables = environment;
  variables.push_back("ESPALIER_TEST_ENVIRONMENT=two");
  ChildProgram test({"tests/testing/follows_links_test"},
                    {.environment = variables});
  EXPECT_EQ(test.Wait(), 1);
  EXPECT_THAT(test.output(), HasSubstr("no environment `two` is running"));
}

}  // namespace
}  // namespace espalier
