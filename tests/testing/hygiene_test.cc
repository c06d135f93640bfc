// That the hygiene test of a service would fail if something were left: all
// that can be left is, on purpose.

#include "supervisor/testing/hygiene.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/ports/unique_fd.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Task<void> StartChild(Nursery& nursery, std::string mode,
                      Readiness readiness = Readiness::Started()) {
  Service service = nursery.NewService("child");
  co_await service.Start(
      {.program = Program::Built("supervisor/keeper/testcases/child"),
       .arguments = {Text(mode)},
       .readiness = readiness,
       .restart = {.when = RestartWhen::kNever},
       .stop = {.grace = absl::Milliseconds(10)}});
}

// The problems of a service that does as it should, beside which `also` does
// something in the test's own process.
template <typename Function>
std::vector<std::string> ProblemsWith(Function also) {
  return HygieneProblems("hygiene", [also](Nursery& nursery) -> Task<void> {
    co_await StartChild(nursery, "sleep");
    also();
  });
}

UniqueFd Listening(int family, const sockaddr* address, socklen_t size) {
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (address != nullptr) {
    EXPECT_EQ(bind(fd.get(), address, size), 0) << strerror(errno);
  }
  EXPECT_EQ(listen(fd.get(), 1), 0) << strerror(errno);
  return fd;
}

TEST(HygieneTest, NothingIsLeftOfAServiceThatDoesAsItShould) {
  EXPECT_THAT(ProblemsWith([] {}), IsEmpty());
}

TEST(HygieneTest, FindsAProcess) {
  pid_t pid = 0;
  const auto problems = ProblemsWith([&pid] {
    const char* const arguments[] = {"sleep", "1000", nullptr};
    ASSERT_EQ(posix_spawn(&pid, "/bin/sleep", nullptr, nullptr,
                          const_cast<char**>(arguments), nullptr),
              0);
  });
  EXPECT_THAT(problems, ElementsAre(HasSubstr(absl::StrCat("process ", pid))));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST(HygieneTest, FindsAPort) {
  UniqueFd fd;
  EXPECT_THAT(ProblemsWith([&fd] { fd = Listening(AF_INET, nullptr, 0); }),
              ElementsAre(ContainsRegex("the port [0-9]+ is still listened")));
}

TEST(HygieneTest, FindsASocketByItsName) {
  UniqueFd fd;
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  // Without a file: the name begins with a zero. Sandboxes share these names,
  // and not their process numbers.
  const std::string name =
      absl::StrCat("hygiene-", absl::ToUnixNanos(absl::Now()));
  memcpy(address.sun_path + 1, name.data(), name.size());
  EXPECT_THAT(ProblemsWith([&] {
                fd = Listening(
                    AF_UNIX, reinterpret_cast<const sockaddr*>(&address),
                    static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                           name.size()));
              }),
              ElementsAre(HasSubstr(name)));
}

TEST(HygieneTest, FindsAFile) {
  const std::string file = testing::TempDir() + "/left";
  EXPECT_THAT(ProblemsWith([&file] { std::ofstream(file) << "x"; }),
              ElementsAre(ContainsRegex("the file .*/left is still there")));
  EXPECT_EQ(unlink(file.c_str()), 0);
}

TEST(HygieneTest, KeepsTheLogsIfThereIsAProblem) {
  const char* const bazels = getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const std::string before = bazels == nullptr ? "" : bazels;
  const TestDirectory outputs;
  setenv("TEST_UNDECLARED_OUTPUTS_DIR", outputs.path().c_str(), 1);
  const std::string log = outputs.path() +
                          "/HygieneTest.KeepsTheLogsIfThereIsAProblem-1/"
                          "child.log";
  EXPECT_THAT(ProblemsWith([] {}), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(log));
  UniqueFd fd;
  EXPECT_THAT(ProblemsWith([&fd] { fd = Listening(AF_INET, nullptr, 0); }),
              SizeIs(1));
  EXPECT_TRUE(std::filesystem::exists(log));
  setenv("TEST_UNDECLARED_OUTPUTS_DIR", before.c_str(), 1);
}

TEST(HygieneTest, TellsOfWhatDidNotEndWhenAsked) {
  EXPECT_THAT(HygieneProblems("hygiene",
                              [](Nursery& nursery) -> Task<void> {
                                co_await StartChild(nursery, "ignore_term",
                                                    Readiness::Newline());
                              }),
              ElementsAre("child did not end when it was asked to"));
}

TEST(HygieneTest, TellsOfWhatDoesNotStart) {
  EXPECT_THAT(HygieneProblems("hygiene",
                              [](Nursery& nursery) -> Task<void> {
                                Service service = nursery.NewService("child");
                                co_await service.Start(
                                    {.program = Program::Built("no/such")});
                              }),
              ElementsAre(HasSubstr("no/such")));
  EXPECT_THAT(
      HygieneProblems("hygiene", [](Nursery&) -> Task<void> { co_return; }),
      ElementsAre("no service was started"));
}

}  // namespace
}  // namespace espalier
