#include "supervisor/backend/local/spawn_requests.h"

#include <sys/resource.h>

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/instance/instance_paths.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SpawnRequestsTest : public testing::Test {
 protected:
  SpawnRequestsTest()
      : paths_(*InstancePaths::Resolve(
            {.environment = "test",
             .instance = "spawn",
             .data_dir = testing::TempDir() + "/spawn_requests"})) {}

  absl::StatusOr<keeper::SpawnRequest> For(
      Command command, const std::optional<ServiceUser>& user = std::nullopt) {
    definition_.command = std::move(command);
    return requests_.ForService(definition_, user);
  }

  const InstancePaths paths_;
  const ServiceFiles files_{paths_, std::nullopt};
  SpawnRequests requests_{files_, ProgramFinder({}), std::nullopt,
                          testing::TempDir()};
  ServiceDefinition definition_{
      .path = "a",
      .command = Command{.program = Program::System("sh", "dash")},
      .endpoints = {},
      .needs = {}};
};

Command Shell() { return Command{.program = Program::System("sh", "dash")}; }

TEST_F(SpawnRequestsTest, PassesOnWhatKindOfProcessItIsToBe) {
  Command command = Shell();
  command.process = {
      .nice = 5,
      .umask = 027,
      .no_new_privs = true,
      .limits = {
          {.what = ProcessLimit::What::kOpenFiles, .soft = 50, .hard = 60}}};
  command.tree = {.memory_bytes = 64 << 20, .processors = 1.5, .tasks = 100};
  const absl::StatusOr<keeper::SpawnRequest> request = For(command);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->nice, 5);
  EXPECT_EQ(request->umask, 027u);
  EXPECT_TRUE(request->no_new_privs);
  EXPECT_THAT(request->limits,
              ElementsAre(keeper::ResourceLimit{
                  .resource = RLIMIT_NOFILE, .soft = 50, .hard = 60}));
  EXPECT_EQ(request->tree,
            (keeper::TreeLimits{
                .memory_bytes = 64 << 20, .cpu_us = 150'000, .tasks = 100}));
  EXPECT_FALSE(request->notify.has_value());
}

TEST_F(SpawnRequestsTest, AWatchdogIsTheKeepersToWatch) {
  Command command = Shell();
  command.readiness = Readiness::Notify();
  EXPECT_EQ(For(command)->notify, keeper::NotifyRule{});
  command.readiness = Readiness::Notify(absl::Seconds(2));
  EXPECT_EQ(For(command)->notify,
            keeper::NotifyRule{.watchdog_ns = 2'000'000'000});
}

TEST_F(SpawnRequestsTest, GroupsBelongToTheUserWhoIsChanged) {
  Command command = Shell();
  command.process.groups = {"root"};
  const ServiceUser nobody{.uid = 65534, .gid = 65533, .name = "nobody"};
  const auto request = For(command, nobody);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->credentials,
            (keeper::Credentials{.uid = 65534, .gid = 65533, .groups = {0}}));

  EXPECT_THAT(std::string(For(command).status().message()),
              HasSubstr("only an environment that root runs"));
  command.process.groups = {"no-such-group"};
  EXPECT_THAT(std::string(For(command, nobody).status().message()),
              HasSubstr("there is no group 'no-such-group'"));
}

TEST_F(SpawnRequestsTest, AnotherUserNeedsRoot) {
  const auto user = requests_.UserOf({.user = "daemon"});
  EXPECT_EQ(user.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(user.status().message()),
              HasSubstr("only an environment that root runs"));
  EXPECT_EQ(*requests_.UserOf({}), std::nullopt);
}

TEST_F(SpawnRequestsTest, AProgramThatHasMovedIsFoundAgain) {
  const std::string first = testing::TempDir() + "/first";
  const std::string second = testing::TempDir() + "/second";
  for (const std::string& directory : {first, second}) {
    mkdir(directory.c_str(), 0700);
    ASSERT_EQ(symlink("/bin/sh", (directory + "/moving").c_str()), 0);
  }
  const Command command{.program =
                            Program::System("moving", "none", {first, second})};
  EXPECT_EQ(For(command)->program, first + "/moving");
  ASSERT_EQ(unlink((first + "/moving").c_str()), 0);
  EXPECT_EQ(For(command)->program, second + "/moving");
  ASSERT_EQ(unlink((second + "/moving").c_str()), 0);
  EXPECT_EQ(For(command).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace espalier
