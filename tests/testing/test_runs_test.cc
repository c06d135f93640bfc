// Whole runs of tests: what a failure shows and keeps, and a test that uses an
// environment which runs already.

#include <csignal>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(TestRunsTest, AFailureShowsEachServiceAndKeepsTheLogs) {
  const TestDirectory outputs;
  ChildProgram example({"tests/testing/failing_example"},
                       {.environment = {absl::StrCat(
                            "TEST_UNDECLARED_OUTPUTS_DIR=", outputs.path())}});
  EXPECT_EQ(example.Wait(), 1);
  EXPECT_THAT(
      example.output(),
      AllOf(HasSubstr("links is READY (run 1, process "),
            HasSubstr("its log ends with\n  | links_server: serving http1"),
            HasSubstr("no service is called `lnks`; there are: links"),
            HasSubstr("'No Such Name' cannot be the name of a service"),
            HasSubstr("The logs are kept in ")));
  EXPECT_TRUE(
      std::filesystem::exists(outputs.path() + "/environment-1/links.log"));
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
