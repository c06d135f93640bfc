// Whoever is killed, nothing of an environment is left: as root and as another
// user, from a checkout that others cannot enter, inside a sandbox and outside.

#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/backend/local/service_user.h"
#include "supervisor/testing/child_program.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// How the environment is run.
struct How {
  std::string name;
  // Where a copy of it goes; empty: it is run where Bazel put it.
  std::string copied_to = {};
  bool unprivileged = false;

  friend void PrintTo(const How& how, std::ostream* out) { *out << how.name; }
};

// What can be had here: in a sandbox, or for an ordinary user, there is one
// way; root can also become somebody else, and has a home that is closed to
// others.
std::vector<How> WaysToRun() {
  std::vector<How> ways = {{.name = "as_it_is"}};
  absl::StatusOr<std::optional<ServiceUser>> user =
      ServiceUser::ForServices("nobody");
  if (!user.ok() || !user->has_value()) return ways;
  ways.push_back(
      {.name = "unprivileged", .copied_to = "/tmp", .unprivileged = true});
  if (access("/root", W_OK) == 0) {
    ways.push_back({.name = "root_below_root", .copied_to = "/root"});
  }
  return ways;
}

struct Victims {
  std::string name;
  bool environment = false;
  bool guard = false;
  bool keeper = false;

  friend void PrintTo(const Victims& victims, std::ostream* out) {
    *out << victims.name;
  }
};

class DeathTest : public testing::TestWithParam<std::tuple<How, Victims>> {
 protected:
  void SetUp() override {
    const How& how = std::get<How>(GetParam());
    if (!how.copied_to.empty()) CopyTo(how.copied_to);
    if (how.unprivileged) {
      passwd* nobody = getpwnam("nobody");
      ASSERT_NE(nobody, nullptr);
      options_.user = nobody->pw_uid;
    }
    std::string data = "/tmp/espalier-test-XXXXXX";
    ASSERT_NE(mkdtemp(data.data()), nullptr);
    data_ = data;
    // Root's services run as somebody else.
    fs::permissions(data_, fs::perms(0711));
    if (options_.user) ASSERT_EQ(chown(data.c_str(), *options_.user, -1), 0);
    options_.unset = {"XDG_RUNTIME_DIR", "XDG_STATE_HOME"};
  }

  void TearDown() override {
    fs::remove_all(data_);
    if (!copy_.empty()) fs::remove_all(copy_);
  }

  // Like a checkout of one's own: files, not links to another one.
  void CopyTo(const std::string& directory) {
    std::string copy = directory + "/espalier-test-XXXXXX";
    ASSERT_NE(mkdtemp(copy.data()), nullptr);
    copy_ = copy;
    fs::permissions(copy_, fs::perms(0755));
    fs::copy_file(fs::canonical(program_), copy_ / "two");
    CopyRunfiles(".", copy_ / "two.runfiles/espalier");
    program_ = (copy_ / "two").string();
    options_.unset = {"RUNFILES_DIR", "TEST_SRCDIR"};
    options_.directory = "/";
  }

  static void CopyRunfiles(const fs::path& from, const fs::path& to) {
    fs::create_directories(to);
    for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
      if (entry.is_directory()) {
        CopyRunfiles(entry.path(), to / entry.path().filename());
      } else {
        fs::copy_file(fs::canonical(entry.path()),
                      to / entry.path().filename());
      }
    }
  }

  std::string program_ = "environments/two";
  fs::path copy_;
  fs::path data_;
  ChildProgram::Options options_;
};

TEST_P(DeathTest, LeavesNothing) {
  const Victims& victims = std::get<Victims>(GetParam());
  ChildProgram two({program_, "--data_dir=" + data_.string()}, options_);
  ASSERT_TRUE(two.AwaitOutput("Ctrl-C stops it")) << two.output();
  // In this order: environment, guard, keeper, services.
  const std::vector<ProcessWatch> tree = WatchTree(two.pid());
  ASSERT_GE(tree.size(), 7u);
  if (victims.environment) kill(tree[0].pid(), SIGKILL);
  if (victims.guard) kill(tree[1].pid(), SIGKILL);
  if (victims.keeper) kill(tree[2].pid(), SIGKILL);

  for (const ProcessWatch& process : tree) process.AwaitEnd();
  const int exit_code = two.Wait();
  if (victims.environment) {
    EXPECT_EQ(exit_code, -SIGKILL);
  } else {
    EXPECT_EQ(exit_code, 1) << two.output();
    EXPECT_THAT(two.output(), testing::HasSubstr("keeper"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Deaths, DeathTest,
    testing::Combine(testing::ValuesIn(WaysToRun()),
                     testing::Values(Victims{.name = "environment",
                                             .environment = true},
                                     Victims{.name = "guard", .guard = true},
                                     Victims{.name = "keeper", .keeper = true},
                                     Victims{.name = "environment_and_keeper",
                                             .environment = true,
                                             .keeper = true},
                                     Victims{.name = "environment_and_guard",
                                             .environment = true,
                                             .guard = true},
                                     Victims{.name = "guard_and_keeper",
                                             .guard = true,
                                             .keeper = true})),
    [](const auto& info) {
      return absl::StrCat(std::get<How>(info.param).name, "_",
                          std::get<Victims>(info.param).name);
    });

}  // namespace
}  // namespace espalier
