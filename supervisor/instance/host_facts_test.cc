#include "supervisor/instance/host_facts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::EndsWith;
using testing::MatchesRegex;
using testing::StartsWith;

HostFacts User() {
  return HostFacts{
      .uid = 1000,
      .executable =
          "/home/u/.cache/bazel/ab12/execroot/espalier/bazel-out/k8/bin/two",
      .working_directory = "/home/u/espalier",
      .home = "/home/u"};
}

TEST(ShortHashTest, IsTheSameForEver) {
  EXPECT_EQ(ShortHash(""), "4fd0bfc1");
  EXPECT_THAT(ShortHash("/home/u"), MatchesRegex("[0-9a-f]{8}"));
  EXPECT_NE(ShortHash("/home/u"), ShortHash("/home/v"));
}

TEST(HostFactsTest, ProgramsOfOneCheckoutHaveOneKey) {
  HostFacts environment = User();
  HostFacts envctl = User();
  envctl.executable =
      "/home/u/.cache/bazel/ab12/execroot/espalier/bazel-out/opt/bin/tools/e";
  EXPECT_EQ(environment.CheckoutKey(), envctl.CheckoutKey());
  envctl.executable = "/home/u/.cache/bazel/cd34/execroot/espalier/bin/e";
  EXPECT_NE(environment.CheckoutKey(), envctl.CheckoutKey());
}

TEST(HostFactsTest, OutsideBazelTheKeyIsTheWorkspacesOrTheProgramsDirectory) {
  HostFacts host = User();
  host.executable = "/opt/two/two";
  EXPECT_EQ(host.CheckoutKey(), ShortHash("/opt/two"));
  host.build_workspace_directory = "/src/espalier";
  EXPECT_EQ(host.CheckoutKey(), ShortHash("/src/espalier"));
}

TEST(HostFactsTest, StateIsWhereXdgSays) {
  HostFacts host = User();
  const std::string key = host.CheckoutKey();
  EXPECT_EQ(host.StateRoot(""), "/home/u/.local/state/espalier/" + key);
  host.xdg_state_home = "/data/u";
  EXPECT_EQ(host.StateRoot(""), "/data/u/espalier/" + key);
}

TEST(HostFactsTest, StateOfRootIsOutsideItsHome) {
  HostFacts host = User();
  host.uid = 0;
  host.home = "/root";
  const std::string expected = "/var/lib/espalier/" + host.CheckoutKey();
  EXPECT_EQ(host.StateRoot(""), expected);
  host.xdg_state_home = "/root/state";
  EXPECT_EQ(host.StateRoot(""), expected);
  host.xdg_state_home = "/srv";
  EXPECT_THAT(host.StateRoot(""), StartsWith("/srv/espalier/"));
}

TEST(HostFactsTest, InATestStateIsTheTests) {
  HostFacts host = User();
  host.test_tmpdir = "/home/u/_tmp/1";
  EXPECT_EQ(host.StateRoot(""), "/home/u/_tmp/1/espalier");
  host.uid = 0;
  host.home = "/root";
  EXPECT_EQ(host.StateRoot(""), "/home/u/_tmp/1/espalier");
  host.test_tmpdir = "/root/_tmp/1";
  EXPECT_THAT(host.StateRoot(""), StartsWith("/tmp/espalier-test-"));
}

TEST(HostFactsTest, DataDirectoryIsRelativeToTheUser) {
  HostFacts host = User();
  host.test_tmpdir = "/home/u/_tmp/1";
  EXPECT_EQ(host.StateRoot("/srv/data/"), "/srv/data");
  EXPECT_EQ(host.StateRoot("data"), "/home/u/espalier/data");
  EXPECT_EQ(host.StateRoot("../data/."), "/home/u/data");
}

TEST(HostFactsTest, SocketsAreInTheRuntimeDirectoryOnlyIfItIsUsable) {
  std::string directory = "/tmp/host_facts_XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  HostFacts host = User();
  EXPECT_EQ(host.RuntimeRoot(), "/tmp/espalier-1000");
  host.xdg_runtime_dir = directory;
  EXPECT_EQ(host.RuntimeRoot(), directory + "/espalier");
  ASSERT_EQ(chmod(directory.c_str(), 0755), 0);
  EXPECT_EQ(host.RuntimeRoot(), "/tmp/espalier-1000") << "open to others";
  ASSERT_EQ(chmod(directory.c_str(), 0700), 0);
  host.uid = 0;
  EXPECT_EQ(host.RuntimeRoot(), "/tmp/espalier-0") << "services cannot enter";
  host.uid = 1000;
  rmdir(directory.c_str());
  EXPECT_EQ(host.RuntimeRoot(), "/tmp/espalier-1000") << "not there";
  host.xdg_runtime_dir = "/tmp/" + std::string(60, 'x');
  EXPECT_EQ(host.RuntimeRoot(), "/tmp/espalier-1000") << "too long";
}

TEST(HostFactsTest, CurrentKnowsThisProcess) {
  const HostFacts host = HostFacts::Current();
  EXPECT_EQ(host.uid, geteuid());
  EXPECT_THAT(host.executable, EndsWith("host_facts_test"));
  EXPECT_THAT(host.working_directory, StartsWith("/"));
  EXPECT_FALSE(host.test_tmpdir.empty());
}

}  // namespace
}  // namespace espalier
