// An environment as its users meet it: a program with flags, output, signals
// and an exit code, which leaves nothing behind however it ends.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr char kTwo[] = "environments/two";
constexpr char kFaulty[] = "tests/environments/faulty";

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The lines of the output that tell of an endpoint: "links  READY  http://…".
std::string EndpointOf(absl::string_view output, absl::string_view service) {
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    const std::vector<std::string> cells =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (cells.size() >= 3 && cells[0] == service &&
        absl::StartsWith(cells[2], "http://")) {
      return cells[2];
    }
  }
  ADD_FAILURE() << "no endpoint of " << service << " in\n" << output;
  return "";
}

class EnvironmentTest : public testing::Test {
 protected:
  std::vector<std::string> Command(std::string program,
                                   std::vector<std::string> flags = {}) {
    std::vector<std::string> command = {
        std::move(program), absl::StrCat("--data_dir=", data_.path())};
    command.insert(command.end(), flags.begin(), flags.end());
    return command;
  }

  // Runs it to its end.
  int Run(std::vector<std::string> command,
          ChildProgram::Options options = {}) {
    ChildProgram program(std::move(command), options);
    const int exit_code = program.Wait();
    output_ = program.output();
    return exit_code;
  }

  TestDirectory data_;
  std::string output_;
};

TEST_F(EnvironmentTest, CheckStartsEverythingAndStopsIt) {
  EXPECT_EQ(Run(Command(kTwo, {"--check"})), 0) << output_;
  EXPECT_THAT(output_,
              AllOf(HasSubstr("SERVICE"), HasSubstr("links-json"),
                    HasSubstr("http://127.0.0.1:"), HasSubstr("links.log"),
                    HasSubstr("ready after"), HasSubstr("stopped after")));
}

TEST_F(EnvironmentTest, FlagsChooseWhatRuns) {
  EXPECT_EQ(Run(Command(kTwo, {"--check", "--noreport"})), 0) << output_;
  EXPECT_THAT(output_, Not(HasSubstr("links-json")));
}

TEST_F(EnvironmentTest, AFlagFileIsRead) {
  std::ofstream(data_.path() + "/flags") << "--check\n--noreport\n";
  EXPECT_EQ(
      Run(Command(kTwo, {absl::StrCat("--flagfile=", data_.path(), "/flags")})),
      0)
      << output_;
  EXPECT_THAT(output_, Not(HasSubstr("links-json")));
}

TEST_F(EnvironmentTest, ADevelopersOwnFlagsComeFirst) {
  std::ofstream(data_.path() + "/espalier.local.flags") << "--noreport\n";
  const ChildProgram::Options in_workspace = {
      .environment = {"BUILD_WORKSPACE_DIRECTORY=" + data_.path()}};
  EXPECT_EQ(Run(Command(kTwo, {"--check"}), in_workspace), 0) << output_;
  EXPECT_THAT(output_, Not(HasSubstr("links-json")));
  EXPECT_EQ(Run(Command(kTwo, {"--check", "--report"}), in_workspace), 0)
      << output_;
  EXPECT_THAT(output_, HasSubstr("links-json"));
}

TEST_F(EnvironmentTest, HelpTellsOfEveryFlag) {
  EXPECT_EQ(Run({kTwo, "--help"}), 0);
  for (const char* flag :
       {"--check", "--plan", "--follow", "--external", "--instance",
        "--data_dir", "--user", "--database", "--report", "--flagfile"}) {
    EXPECT_THAT(output_, HasSubstr(flag));
  }
  EXPECT_THAT(output_, HasSubstr("bazel run //environments:two"));
}

// Nothing that it opens gets the number of what is closed, in which it prints.
TEST_F(EnvironmentTest, ClosedDescriptorsDoNoHarm) {
  for (const std::string closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    SCOPED_TRACE(closed);
    EXPECT_EQ(Run({"/bin/sh", "-c", absl::StrCat("exec \"$@\" ", closed), "sh",
                   kTwo, "--check", absl::StrCat("--data_dir=", data_.path())}),
              0)
        << output_;
    EXPECT_THAT(ReadFile(data_.path() + "/two/default/lock"),
                Not(HasSubstr("SERVICE")));
  }
}

// A reader that does not read, as a terminal that was stopped with Ctrl-S.
TEST_F(EnvironmentTest, AFullPipeForTheTableHoldsNothingUp) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const std::string block(4096, 'x');
  while (write(ends[1], block.data(), block.size()) > 0) {
  }
  fcntl(ends[1], F_SETFL, 0);
  ChildProgram two(
      {"/bin/sh", "-c",
       absl::StrCat("exec \"$@\" >/proc/", getpid(), "/fd/", ends[1]), "sh",
       kTwo, absl::StrCat("--data_dir=", data_.path())});
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  two.Signal(SIGTERM);
  EXPECT_EQ(two.Wait(), 0) << two.output();
  close(ends[0]);
  close(ends[1]);
}

// --- Signals

class SignalTest : public EnvironmentTest,
                   public testing::WithParamInterface<int> {};

TEST_P(SignalTest, StopsInOrderWithExitCodeZero) {
  ChildProgram two(Command(kTwo));
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  std::vector<ProcessWatch> tree = WatchTree(two.pid());
  EXPECT_GE(tree.size(), 7u);  // itself, guard, keeper and four services
  two.Signal(GetParam());
  EXPECT_EQ(two.Wait(), 0) << two.output();
  EXPECT_THAT(two.output(),
              AllOf(HasSubstr("stopping"), HasSubstr("stopped after")));
  for (const ProcessWatch& process : tree) process.AwaitEnd();
  EXPECT_THAT(ReadFile(data_.path() + "/two/default/logs/links.log"),
              HasSubstr("drained"));
}

INSTANTIATE_TEST_SUITE_P(Signals, SignalTest,
                         testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& info) {
                           return sigabbrev_np(info.param);
                         });

// As nohup(1) leaves SIGHUP to a program, and sh(1) SIGINT to one in the
// background. What blocks is unblocked.
TEST_F(EnvironmentTest, IgnoredSignalsStayIgnoredAndBlockedOnesStop) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  ChildProgram two({"/bin/sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh", kTwo,
                    absl::StrCat("--data_dir=", data_.path())});
  sigprocmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  two.Signal(SIGHUP);
  two.Signal(SIGINT);
  two.Signal(SIGTERM);
  EXPECT_EQ(two.Wait(), 0) << two.output();
  EXPECT_THAT(two.output(), HasSubstr("stopping (Terminated)"));
}

// All that is left to be started has no process then: its start is over as soon
// as it is cancelled.
TEST_F(EnvironmentTest, StopsWhileServicesWaitToBeStartedAgain) {
  // A directory where a file is wanted: its server ends again and again.
  ChildProgram two(Command(kTwo, {"--database=../shared", "--noreport"}));
  ASSERT_TRUE(two.AwaitOutput("links: restarting")) << two.output();
  two.Signal(SIGINT);
  EXPECT_EQ(two.Wait(), 0) << two.output();
}

TEST_F(EnvironmentTest, StopsWhileAnExternalServiceIsAwaited) {
  // Port 1 is nobody's.
  ChildProgram two(Command(kTwo, {"--external=links=http://127.0.0.1:1",
                                  "--external=links-json=http://127.0.0.1:1"}));
  ASSERT_TRUE(two.AwaitOutput("links-json: ")) << two.output();
  two.Signal(SIGTERM);
  EXPECT_EQ(two.Wait(), 0) << two.output();
}

TEST_F(EnvironmentTest, ASecondCtrlCKills) {
  // Its stop rule would wait for an hour.
  ChildProgram faulty(Command(kFaulty, {"--fault=stubborn", "--follow"}));
  ASSERT_TRUE(faulty.AwaitOutput("Ctrl-C stops it")) << faulty.output();
  ASSERT_TRUE(faulty.AwaitOutput("ignoring SIGTERM")) << faulty.output();
  std::vector<ProcessWatch> tree = WatchTree(faulty.pid());
  faulty.Signal(SIGINT);
  ASSERT_TRUE(faulty.AwaitOutput("stopping")) << faulty.output();
  faulty.Signal(SIGINT);
  EXPECT_EQ(faulty.Wait(), 0) << faulty.output();
  EXPECT_THAT(faulty.output(), HasSubstr("killing everything"));
  for (const ProcessWatch& process : tree) process.AwaitEnd();
}

// --- Plans

TEST_F(EnvironmentTest, APlanOfUnknownFormatIsRefused) {
  EXPECT_EQ(Run({kTwo, "--plan=xml"}), 2);
  EXPECT_THAT(output_, HasSubstr("text, json or dot"));
}

// --- What goes wrong is said once, clearly, and nothing is left running

TEST_F(EnvironmentTest, AnUnknownFlagIsNamed) {
  EXPECT_EQ(Run(Command(kTwo, {"--no_such_flag=1"})), 2);
  EXPECT_THAT(output_, HasSubstr("two: there is no flag --no_such_flag"));
  EXPECT_EQ(Run(Command(kTwo, {"--check=maybe"})), 2);
  EXPECT_THAT(output_, HasSubstr("two: --check=maybe is not valid"));
  EXPECT_EQ(Run(Command(kTwo, {"--follow=linsk"})), 1);
  EXPECT_THAT(output_, HasSubstr("--follow names 'linsk'; the services are"));
}

TEST_F(EnvironmentTest, AnArgumentThatIsNoFlagIsNamed) {
  EXPECT_EQ(Run(Command(kTwo, {"check"})), 2);
  EXPECT_THAT(output_, HasSubstr("\"check\" is not a flag"));
}

TEST_F(EnvironmentTest, AnUnusableDataDirectoryIsNamed) {
  const std::string file = data_.path() + "/file";
  std::ofstream(file) << "x";
  EXPECT_EQ(Run({kTwo, "--check", "--data_dir=" + file}), 1);
  EXPECT_THAT(output_, AllOf(HasSubstr(file), HasSubstr("--data_dir")));
}

TEST_F(EnvironmentTest, AnUnknownExternalServiceIsNamed) {
  EXPECT_EQ(Run(Command(kTwo, {"--external=linsk=http://127.0.0.1:1"})), 1);
  EXPECT_THAT(output_, AllOf(HasSubstr("linsk"), HasSubstr("links, ")));
}

TEST_F(EnvironmentTest, TheSameInstanceTwiceIsRefusedAndToldOfTheFirst) {
  ChildProgram first(Command(kTwo, {"--noreport"}));
  ASSERT_TRUE(first.AwaitOutput("Ctrl-C stops it")) << first.output();
  EXPECT_EQ(Run(Command(kTwo, {"--check"})), 1);
  EXPECT_THAT(output_, AllOf(HasSubstr(absl::StrCat("pid ", first.pid())),
                             HasSubstr("--instance")));
  EXPECT_EQ(Run(Command(kTwo, {"--check", "--instance=other"})), 0) << output_;
  first.Signal(SIGTERM);
  EXPECT_EQ(first.Wait(), 0) << first.output();
}

struct FaultCase {
  std::string fault;
  std::vector<std::string> said;

  friend void PrintTo(const FaultCase& it, std::ostream* out) {
    *out << it.fault;
  }
};

class FaultTest : public EnvironmentTest,
                  public testing::WithParamInterface<FaultCase> {};

// The environment's process has ended when Run() returns, and so has everything
// that held its output: any process which it left would keep Run() waiting.
TEST_P(FaultTest, EndsWithOneClearError) {
  EXPECT_EQ(Run(Command(kFaulty, {absl::StrCat("--fault=", GetParam().fault)})),
            1)
      << output_;
  const std::string error = output_.substr(output_.rfind("faulty: "));
  for (const std::string& said : GetParam().said) {
    EXPECT_THAT(error, HasSubstr(said));
  }
  // It is said once.
  const std::string name = "faulty: ";
  const std::string sentence =
      error.substr(name.size(), error.find('\n') - name.size());
  EXPECT_EQ(output_.find(sentence), output_.rfind(sentence)) << output_;
}

INSTANTIATE_TEST_SUITE_P(
    Faults, FaultTest,
    testing::Values(
        FaultCase{"missing",
                  {"no-such-server", "apt-get install no-such-package"}},
        FaultCase{"missing_built", {"no/such/program", "`data`"}},
        FaultCase{"never_ready",
                  {"faulty did not become ready", "connection refused",
                   "faulty.log"}},
        FaultCase{
            "megabytes",
            {"exit code 3", "5 times", "this is the last line", "faulty.log"}},
        FaultCase{"no_such_mode", {"exit code 125", "unknown mode"}},
        FaultCase{"port_taken",
                  {"misbehave", "does not belong to the service"}},
        FaultCase{"duplicate", {"two services are named 'good'"}},
        FaultCase{"need_unused",
                  {"'faulty' is given 'good' and does not use it"}}),
    [](const auto& info) { return info.param.fault; });

// Another service listens on the port of one that never does itself: it is not
// taken for ready, and the check fails and names who listens.
TEST_F(EnvironmentTest, F44AStrangerOnThePortFailsTheCheck) {
  EXPECT_EQ(Run(Command(kFaulty, {"--check", "--fault=port_taken"})), 1);
  EXPECT_THAT(output_, Not(HasSubstr("faulty: ready")));
  EXPECT_THAT(output_, HasSubstr("does not belong to the service, but to "
                                 "process"));
  EXPECT_THAT(output_, HasSubstr("(misbehave) of user"));
}

// An earlier run has left a process that listens on the service's port. With a
// cgroup it ends with that run; otherwise it is not taken for the service.
TEST_F(EnvironmentTest, F44AnOrphanOfAnEarlierRunIsNotTheService) {
  ChildProgram faulty({"tests/environments/faulty", "--check",
                       "--fault=leave_listener",
                       absl::StrCat("--data_dir=", data_.path())});
  EXPECT_EQ(faulty.Wait(), 1);
  if (faulty.output().find("without a cgroup") == std::string::npos) {
    EXPECT_THAT(faulty.output(), HasSubstr("it failed 5 times"));
    return;
  }
  EXPECT_THAT(faulty.output(), HasSubstr("faulty did not become ready"));
  EXPECT_THAT(faulty.output(),
              HasSubstr("does not belong to the service, but to process"));
  EXPECT_THAT(faulty.output(), HasSubstr("(exe) of user"));
  EXPECT_THAT(faulty.output(), Not(HasSubstr("faulty: ready")));
}

// --- Services of one's own

TEST_F(EnvironmentTest, AServiceThatRunsAlreadyIsUsed) {
  ChildProgram links({"services/links/links_server", "--protocol=http2",
                      absl::StrCat("--store=sqlite:", data_.path(), "/mine.db"),
                      "--address=127.0.0.1:0"});
  ASSERT_TRUE(links.AwaitOutput("serving http2 on ")) << links.output();
  const std::vector<std::string> words =
      absl::StrSplit(links.output(), "serving http2 on ");
  const std::string address(absl::StripAsciiWhitespace(words[1]));

  EXPECT_EQ(
      Run(Command(kTwo, {"--check", "--noreport",
                         absl::StrCat("--external=links=http://", address)})),
      0)
      << output_;
  EXPECT_THAT(output_, AllOf(HasSubstr("external"), HasSubstr(address)));
  links.Signal(SIGTERM);
  EXPECT_EQ(links.Wait(), 0) << links.output();
}

TEST_F(EnvironmentTest, OneThatDoesNotRunIsWaitedForAndNamed) {
  // Port 1 is nobody's.
  EXPECT_EQ(Run(Command(kFaulty, {"--fault=never_ready",
                                  "--external=faulty=127.0.0.1:1"})),
            1);
  EXPECT_THAT(output_, HasSubstr("it is external (--external), and becomes "
                                 "ready, or its start has failed in 0.3 s"));
  EXPECT_THAT(output_, HasSubstr("connection refused; it is external: start it "
                                 "where --external says, or leave "
                                 "--external=faulty=… out"));
}

TEST_F(EnvironmentTest, LogsAreFollowedInTheTerminal) {
  EXPECT_EQ(Run(Command(kTwo, {"--check", "--follow=links"})), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("links | links_server: serving http2"));
  EXPECT_THAT(output_, Not(HasSubstr("gateway |")));
}

// --- envctl

TEST_F(EnvironmentTest, EnvctlSeesAndSteersIt) {
  ChildProgram two(Command(kTwo));
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  const auto envctl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "tools/envctl/envctl");
    arguments.push_back(absl::StrCat("--data_dir=", data_.path()));
    return arguments;
  };
  EXPECT_EQ(Run(envctl({"ps"})), 0) << output_;
  EXPECT_THAT(output_, AllOf(HasSubstr("links-json"), HasSubstr("READY"),
                             HasSubstr(EndpointOf(two.output(), "gateway"))));
  EXPECT_EQ(Run(envctl({"restart", "gateway"})), 0) << output_;
  EXPECT_EQ(Run(envctl({"stop", "links"})), 1);
  EXPECT_THAT(output_, HasSubstr("gateway"));
  EXPECT_EQ(Run(envctl({"logs", "gateway"})), 0) << output_;
  EXPECT_THAT(output_, HasSubstr("gateway_server"));
  EXPECT_EQ(Run(envctl({"restart", "no-such-service"})), 1);
  EXPECT_THAT(output_,
              AllOf(HasSubstr("no-such-service"), HasSubstr("gateway")));
  EXPECT_EQ(Run(envctl({"stop"})), 0) << output_;
  EXPECT_EQ(two.Wait(), 0) << two.output();
}

}  // namespace
}  // namespace espalier
