#include "supervisor/environment/plan.h"

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "supervisor/nursery/nursery.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Task<HttpUrl> StartServer(Nursery& nursery, std::string name,
                          std::vector<Text> arguments) {
  Service service = nursery.NewService(name);
  HttpUrl url = service.Listen<HttpUrl>();
  co_await service.Start({.program = Program::System("server", "server"),
                          .arguments = std::move(arguments),
                          .readiness = Readiness::Connects(url)});
  co_return url;
}

// A copy needs the primary to start, and the store always.
absl::StatusOr<Plan> PlanOfCopy() {
  return MakePlan(
      [](Nursery& nursery) -> Task<void> {
        HttpUrl primary = co_await StartServer(nursery, "primary", {});
        HttpUrl store = co_await StartServer(nursery, "store", {});
        co_await StartServer(nursery, "copy",
                             {Text("--from=", AtStart(primary)), Text(store)});
      },
      {});
}

TEST(PlanTest, TellsWhatIsNeededAlwaysFromWhatIsNeededAtTheStart) {
  const absl::StatusOr<Plan> plan = PlanOfCopy();
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->services.size(), 3u);
  EXPECT_THAT(plan->services[2].needs, ElementsAre("store"));
  EXPECT_THAT(plan->services[2].start_needs, ElementsAre("primary"));
  EXPECT_THAT(plan->services[0].start_needs, IsEmpty());
}

TEST(PlanTest, ForAPerson) {
  const std::string text = FormatPlan(*PlanOfCopy(), "shop", PlanFormat::kText);
  EXPECT_THAT(text, HasSubstr("  needs    store\n"));
  EXPECT_THAT(text, HasSubstr("  to start primary\n"));
}

TEST(PlanTest, ForPrograms) {
  const auto json = nlohmann::json::parse(
      FormatPlan(*PlanOfCopy(), "shop", PlanFormat::kJson));
  const auto& copy = json["services"][2];
  EXPECT_EQ(copy["needs"], nlohmann::json({"store"}));
  EXPECT_EQ(copy["needs_at_start"], nlohmann::json({"primary"}));
  EXPECT_THAT(json["services"][0]["needs_at_start"], IsEmpty());
}

// What the compiler cannot see, before anything runs.

std::string ErrorOf(const EnvironmentBody& body) {
  return std::string(MakePlan(body, {}).status().message());
}

TEST(PlanTest, FindsANameThatIsUsedTwice) {
  EXPECT_THAT(ErrorOf([](Nursery& nursery) -> Task<void> {
                co_await StartServer(nursery, "shop", {});
                co_await StartServer(nursery, "shop", {});
              }),
              HasSubstr("two services are named 'shop'"));
}

TEST(PlanTest, FindsANeedThatIsNeverUsed) {
  EXPECT_THAT(ErrorOf([](Nursery& nursery) -> Task<void> {
                HttpUrl store = co_await StartServer(nursery, "store", {});
                co_await [](Nursery& inner, HttpUrl) -> Task<void> {
                  co_await StartServer(inner, "shop", {});
                }(nursery, store);
              }),
              HasSubstr("'shop' is given 'store' and does not use it"));
}

TEST(PlanTest, FindsAHandleOfAnotherEnvironment) {
  const HttpUrl foreign = EndpointAccess::Make<HttpUrl>(
      {.service = "store", .name = "url", .host = "127.0.0.1", .port = "80"});
  EXPECT_THAT(ErrorOf([&](Nursery& nursery) -> Task<void> {
                co_await StartServer(nursery, "shop", {foreign});
              }),
              HasSubstr("'store', which is not part of this environment"));
  EXPECT_THAT(ErrorOf([&](Nursery& nursery) -> Task<void> {
                co_await StartServer(nursery, "store", {});
                co_await StartServer(nursery, "shop", {foreign});
              }),
              HasSubstr("the handle is from another environment"));
}

TEST(PlanTest, FindsAHandleOfANurseryThatHasEnded) {
  EXPECT_THAT(
      ErrorOf([](Nursery& nursery) -> Task<void> {
        std::optional<HttpUrl> kept;
        const GroupOptions once = {.restart = {.when = RestartWhen::kNever}};
        (void)co_await Try(nursery.Group<void>(
            "mall", Strategy::kOneForOne,
            [&kept](Nursery& mall) -> Task<void> {
              kept = co_await StartServer(mall, "store", {});
              co_await absl::InternalError("it burnt down");
            },
            once));
        co_await StartServer(nursery, "shop", {*kept});
      }),
      HasSubstr("'mall/store', which has been stopped"));
}

TEST(PlanTest, TellsHowAServiceStopsAndReloadsAndWhatItsClientsAreGiven) {
  const absl::StatusOr<Plan> plan = MakePlan(
      [](Nursery& nursery) -> Task<void> {
        Service store = nursery.NewService("store");
        TcpAddress address = store.Reserve<TcpAddress>();
        co_await store.Start(
            {.program = Program::System("server", "server"),
             .arguments = {address.port()},
             .stop = {.signal = SIGQUIT, .grace = absl::Seconds(2)},
             .reload =
                 ReloadRule{
                     .check = ProbeCommand{.program = Program::Built("a/check"),
                                           .arguments = {"-c", store.data()}}},
             .client = {.environment = {{"STORE_PORT", address.port()}},
                        .arguments = {{"store-cli", {"-p", address.port()}}}}});
      },
      {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(FormatPlan(*plan, "shop", PlanFormat::kText),
              HasSubstr("  stops    by SIGQUIT, and killed after 2s\n"
                        "  reloads  by SIGHUP, once this succeeds: a/check -c "
                        "{data}/store\n"
                        "  clients  STORE_PORT={store.port}\n"
                        "  clients  store-cli -p {store.port}\n"));
  const auto json =
      nlohmann::json::parse(FormatPlan(*plan, "shop", PlanFormat::kJson));
  EXPECT_EQ(json["services"][0]["stop"], "by SIGQUIT, and killed after 2s");
  EXPECT_EQ(json["services"][0]["reload"],
            "by SIGHUP, once this succeeds: a/check -c {data}/store");
  EXPECT_EQ(
      json["services"][0]["clients"],
      nlohmann::json({"STORE_PORT={store.port}", "store-cli -p {store.port}"}));
}

TEST(PlanTest, AGraphDrawsWhatIsNeededAtTheStartDashed) {
  const std::string graph =
      FormatPlan(*PlanOfCopy(), "shop", PlanFormat::kGraphviz);
  EXPECT_THAT(graph, HasSubstr("  \"copy\" -> \"store\";\n"));
  EXPECT_THAT(graph, HasSubstr("  \"copy\" -> \"primary\" [style=dashed];\n"));
  EXPECT_THAT(graph, Not(HasSubstr("  \"copy\" -> \"primary\";\n")));
}

}  // namespace
}  // namespace espalier
