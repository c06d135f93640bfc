// Environment `one` and envctl as a person meets them: programs.

#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/testing/http_client.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kOne[] = "environments/one";

// One environment for all of them.
class OneProgramTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    data_ = std::make_unique<TestDirectory>();
    WriteSettings("location = /version { return 200 'first'; }\n");
    one_ = std::make_unique<ChildProgram>(std::vector<std::string>{
        kOne, DataDir(), "--nginx_settings=" + SettingsFile()});
    ASSERT_TRUE(one_->AwaitOutput("Ctrl-C stops it")) << one_->output();
  }

  static void TearDownTestSuite() {
    one_->Signal(SIGINT);
    EXPECT_EQ(one_->Wait(), 0) << one_->output();
    one_.reset();
    data_.reset();
  }

  static std::string DataDir() { return "--data_dir=" + data_->path(); }
  static fs::path State() { return data_->path() + "/one/default"; }
  static std::string SettingsFile() { return data_->path() + "/nginx.conf"; }

  static void WriteSettings(const std::string& settings) {
    std::ofstream(SettingsFile()) << settings;
    EXPECT_EQ(chmod(SettingsFile().c_str(), 0644), 0);
  }

  // Runs envctl to its end.
  int Envctl(std::vector<std::string> arguments,
             const ChildProgram::Options& options = {}) {
    arguments.insert(arguments.begin(), {"tools/envctl/envctl", DataDir()});
    ChildProgram envctl(std::move(arguments), options);
    const int exit_code = envctl.Wait();
    output_ = envctl.output();
    return exit_code;
  }

  static std::unique_ptr<TestDirectory> data_;
  static std::unique_ptr<ChildProgram> one_;
  std::string output_;
};

std::unique_ptr<TestDirectory> OneProgramTest::data_;
std::unique_ptr<ChildProgram> OneProgramTest::one_;

TEST_F(OneProgramTest, ExecRunsProgramsThatReachTheService) {
  EXPECT_EQ(Envctl({"exec", "postgres", "--", "psql", "-Atc",
                    "SELECT current_user, current_database()"}),
            0);
  EXPECT_EQ(output_, "app|app\n");
  EXPECT_EQ(Envctl({"exec", "redis", "--", "redis-cli", "PING"}), 0);
  EXPECT_EQ(output_, "PONG\n");
  EXPECT_EQ(Envctl({"exec", "nginx", "--", "sh", "-c", "echo $URL"}), 0);
  EXPECT_THAT(output_, StartsWith("http://127.0.0.1:"));
}

TEST_F(OneProgramTest, ExecIsTheProgramWhereTheUserStands) {
  EXPECT_EQ(Envctl({"exec", "nginx", "--", "sh", "-c", "pwd; exit 7"},
                   {.environment = {"BUILD_WORKING_DIRECTORY=/proc"}}),
            7);
  EXPECT_EQ(output_, "/proc\n");
  EXPECT_EQ(Envctl({"exec", "nginx", "--", "no-such-program"}), 1);
  EXPECT_THAT(output_, HasSubstr("cannot run `no-such-program`: No such file"));
  EXPECT_EQ(Envctl({"exec", "oracle", "--", "sqlplus"}), 1);
  EXPECT_THAT(output_, HasSubstr("no service is called `oracle`"));
}

TEST_F(OneProgramTest, ReloadHasNginxReadItsChangedSettings) {
  ASSERT_EQ(Envctl({"exec", "nginx", "--", "printenv", "URL"}), 0);
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(output_.substr(output_.rfind(':') + 1), &port));
  const auto version = [port] {
    return HttpCall(port, "GET", "/version").body;
  };
  EXPECT_EQ(version(), "first");
  WriteSettings("location = /version { return 200 'second'; }\n");
  EXPECT_EQ(Envctl({"reload", "nginx"}), 0) << output_;
  EXPECT_THAT(output_, StartsWith("nginx: told to reload after"));
  // The new workers come a moment after the signal.
  while (version() != "second") continue;

  WriteSettings("nonsense;\n");
  EXPECT_EQ(Envctl({"reload", "nginx"}), 1);
  EXPECT_THAT(output_, HasSubstr("unknown directive \"nonsense\""));

  EXPECT_EQ(Envctl({"reload", "gateway"}), 1);
  EXPECT_THAT(output_, HasSubstr("only when it starts; restart it"));
}

TEST_F(OneProgramTest, NothingThatIsPrintedHoldsAPassword) {
  std::vector<std::string> passwords;
  for (const auto& secret : fs::directory_iterator(State() / "secrets")) {
    std::ifstream file(secret.path());
    passwords.emplace_back(std::istreambuf_iterator<char>(file),
                           std::istreambuf_iterator<char>());
    EXPECT_EQ(passwords.back().size(), 32u) << secret.path();
  }
  // Of PostgreSQL's owner, reader and replicator.
  EXPECT_EQ(passwords.size(), 3u);
  std::string printed = one_->output();
  for (const char* format : {"text", "json", "dot"}) {
    ChildProgram plan({kOne, DataDir(), absl::StrCat("--plan=", format)});
    EXPECT_EQ(plan.Wait(), 0) << plan.output();
    printed += plan.output();
  }
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"ps"},
        {"ps", "--json"},
        {"list", "--json"},
        {"events", "--json"},
        {"logs", "-n", "100000"},
        {"exec", "postgres", "--", "env"},
        {"exec", "postgres", "--", "sh", "-c", "cat /proc/$$/cmdline"}}) {
    EXPECT_EQ(Envctl(arguments), 0) << output_;
    printed += output_;
  }
  EXPECT_THAT(printed, HasSubstr("PGPASSFILE="));
  for (const std::string& password : passwords)
    EXPECT_FALSE(absl::StrContains(printed, password));
}

}  // namespace
}  // namespace espalier
