// The testing library as a user's test would use it: real servers, spoiled
// connections, stand-ins, frozen and killed processes.

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"
#include "services/common/testing/http_client.h"
#include "services/gateway/gateway.h"
#include "services/links/links.grpc.pb.h"
#include "services/links/links.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/faulty_edge.h"
#include "supervisor/testing/grpc_stand_in.h"
#include "supervisor/testing/service_matchers.h"

namespace espalier {
namespace {

using testing::Eq;
using testing::HasSubstr;

// These tests wait for the deadline to pass.
const GatewayOptions kImpatient = {.links_deadline_ms = 1000};

int PortOf(const Endpoint& url) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(EndpointAccess::Address(url).port, &port));
  return port;
}

HttpAnswer MakeLink(const Gateway& gateway, const std::string& code) {
  return HttpCall(PortOf(gateway.url), "POST", "/links",
                  absl::StrCat(R"({"url": "https://example.com/", "code": ")",
                               code, R"("})"));
}

int Follow(const Gateway& gateway, const std::string& code) {
  return HttpCall(PortOf(gateway.url), "GET", absl::StrCat("/", code)).status;
}

std::string Content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(StartForTest, IsOneLine) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {});
  });
  ASSERT_NE(links, nullptr);
  EXPECT_EQ(HttpCall(PortOf(links->handles().url), "GET", "/links").status,
            200);
  EXPECT_THAT(links->Get("links"), IsReady());
  EXPECT_THAT(links->Get("links"), Log(HasSubstr("serving http1")));
  links->Signal("links", SIGKILL);
  const auto again = links->WaitFor(
      "links", [](const auto& now) { return now.generation == 2; });
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(*again, LastExit(Eq(ExitResult::Signaled(SIGKILL))));
}

Task<int> RunChild(Nursery& nursery, Program program,
                   std::vector<std::string> arguments, Readiness readiness) {
  Service service = nursery.NewService("child");
  Command command = {.program = program, .readiness = readiness};
  for (const std::string& argument : arguments)
    command.arguments.push_back(Text(argument));
  co_await service.Start(std::move(command));
  co_return 0;
}

// Says "late" when it gets a signal.
Task<int> RunLateTalker(Nursery& nursery) {
  co_return co_await RunChild(nursery, Program::System("bash", "bash"),
                              {"-c",
                               "trap 'echo late' USR1\necho >&$READY_FD\n"
                               "while :; do sleep 1000 & wait; done"},
                              Readiness::Newline());
}

Task<int> RunOneShot(Nursery& nursery) {
  co_return co_await RunChild(
      nursery, Program::Built("supervisor/keeper/testcases/child"),
      {"exit", "0"}, Readiness::Completed());
}

TEST(TestEnvironmentTest, AMisspeltNameIsAnErrorThatSaysWhatThereIs) {
  const auto child = StartForTest(RunOneShot);
  ASSERT_NE(child, nullptr);
  const absl::Status error =
      absl::NotFoundError("no service is called `chld`; there are: child");
  const auto any = [](const auto&) { return true; };
  EXPECT_EQ(child->WaitFor("chld", any).status(), error);
  EXPECT_EQ(child->Restart("chld").status(), error);
  EXPECT_EQ(child->KillAndAwaitRestart("chld").status(), error);
  EXPECT_EQ(child->AwaitLog("chld", HasSubstr("")).status(), error);
}

TEST(TestEnvironmentTest, AOneShotRunsAgain) {
  const auto child = StartForTest(RunOneShot);
  ASSERT_NE(child, nullptr);
  const auto again = child->Restart("child");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(*again, StateIs(ServiceState::kDone));
  EXPECT_EQ(again->generation, 2u);
}

TEST(TestEnvironmentTest, WhatIsLoggedLaterCanBeAwaited) {
  const auto child = StartForTest(RunLateTalker);
  ASSERT_NE(child, nullptr);
  child->Signal("child", SIGUSR1);
  const auto told = child->AwaitLog("child", HasSubstr("late"));
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_THAT(*told, Log(HasSubstr("late")));
}

TEST(TestEnvironmentTest, WhatIsNotLoggedAnyMoreIsNotAwaited) {
  const auto child = StartForTest(RunOneShot);
  ASSERT_NE(child, nullptr);
  const absl::Status in_vain =
      child->AwaitLog("child", HasSubstr("late")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(in_vain)) << in_vain;
  EXPECT_THAT(in_vain.message(),
              HasSubstr("the log of `child`, which is to be one that has "
                        "substring \"late\"; child is DONE"));
}

TEST(LastExitTest, ThatItIsNotKnownIsSaid) {
  EXPECT_NONFATAL_FAILURE(
      EXPECT_THAT(ServiceUnderTest(), LastExit(Eq(ExitResult::Exited(0)))),
      "that is not known");
}

// One for all tests of the suite: a gateway whose connection to its links
// server can be spoiled.
class SpoiledEdgeTest : public EnvironmentTestSuite<SpoiledEdgeTest, Gateway> {
 public:
  static Task<Gateway> Start(Nursery& nursery) {
    Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, {});
    co_return co_await StartGateway(nursery, edge().Through(links), {},
                                    kImpatient);
  }

  static FaultyEdge& edge() {
    static FaultyEdge edge;
    return edge;
  }

  ~SpoiledEdgeTest() override { edge().Heal(); }
};

TEST_F(SpoiledEdgeTest, NeitherServiceKnowsOfTheProxy) {
  EXPECT_EQ(MakeLink(handles(), "known").status, 201);
  EXPECT_EQ(Follow(handles(), "known"), 302);
  EXPECT_GT(edge().connections(), 0u);
}

TEST_F(SpoiledEdgeTest, AfterAResetTheNextConnectionServes) {
  EXPECT_EQ(MakeLink(handles(), "reset").status, 201);
  for (int i = 0; i < 3; ++i) {
    edge().Reset();
    EXPECT_EQ(Follow(handles(), "reset"), 302);
  }
}

TEST_F(SpoiledEdgeTest, ABlackHoleIsAnErrorAndHeals) {
  EXPECT_EQ(MakeLink(handles(), "hole").status, 201);
  edge().BlackHole();
  EXPECT_EQ(Follow(handles(), "hole"), 503);
  edge().Heal();
  EXPECT_EQ(Follow(handles(), "hole"), 302);
  EXPECT_THAT(environment().Get("gateway"), IsReady());
  EXPECT_EQ(environment().Get("gateway").generation, 1u);
}

class FrozenTest : public EnvironmentTest<FrozenTest, Gateway> {
 public:
  static Task<Gateway> Start(Nursery& nursery) {
    Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, {});
    co_return co_await StartGateway(nursery, links, {}, kImpatient);
  }
};

TEST_F(FrozenTest, AFrozenServiceAnswersNothingUntilItThaws) {
  EXPECT_EQ(MakeLink(handles(), "a").status, 201);
  environment().Freeze("links");
  EXPECT_EQ(Follow(handles(), "a"), 503);
  environment().Thaw("links");
  EXPECT_EQ(Follow(handles(), "a"), 302);
  EXPECT_EQ(environment().Get("links").generation, 1u) << "nobody was told";
}

// With a child that counts, and says how far it is: it does not say more when
// all of it stands still.
TEST(FreezeTest, TheWholeTreeStandsStill) {
  const auto family = StartForTest([](Nursery& nursery) -> Task<int> {
    Service service = nursery.NewService("family");
    co_await service.Start(
        {.program = Program::Built("supervisor/keeper/testcases/child"),
         .arguments = {"count_below", service.data() / "count"}});
    co_return 0;
  });
  ASSERT_NE(family, nullptr);
  const std::string file = family->state_directory() + "/data/family/count";
  std::string seen;
  while (seen.empty()) seen = Content(file);
  family->Freeze("family");
  seen = Content(file);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(Content(file), seen);
  family->Thaw("family");
  while (Content(file) == seen) std::this_thread::yield();
  EXPECT_EQ(family->Get("family").generation, 1u);
  // What dies frozen runs again.
  family->Freeze("family");
  EXPECT_TRUE(family->KillAndAwaitRestart("family").ok());
}

class FakeLinks final : public links::v1::Links::Service {
 public:
  grpc::Status GetLink(grpc::ServerContext*,
                       const links::v1::GetLinkRequest* request,
                       links::v1::Link* link) override {
    if (request->code() != "fake") {
      return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such link");
    }
    link->set_code("fake");
    link->set_url("https://fake.example/");
    return grpc::Status::OK;
  }
};

TEST(GrpcStandInTest, TakesThePlaceOfTheRealOne) {
  FakeLinks fake;
  GrpcStandIn server(&fake);
  const Links<Http2Url> links{.url = server.url()};
  const auto gateway = StartForTest([links](Nursery& nursery) -> Task<Gateway> {
    co_return co_await StartGateway(nursery, links, std::nullopt);
  });
  ASSERT_NE(gateway, nullptr);
  const int port = PortOf(gateway->handles().url);
  const HttpAnswer answer = HttpCall(port, "GET", "/fake");
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.headers.at("location"), "https://fake.example/");
  EXPECT_EQ(HttpCall(port, "GET", "/other").status, 404);
}

}  // namespace
}  // namespace espalier
