#include "tools/envctl/service_table.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace espalier {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

std::vector<ServiceSnapshot> Services() {
  return {{.name = "links",
           .state = "READY",
           .generation = 2,
           .pid = 4711,
           .since = kNow - absl::Seconds(125),
           .restarts = 1,
           .why = "links has been ready for 125 s",
           .endpoints = {{.name = "http", .url = "http://127.0.0.1:4000"}},
           .log_file = "/logs/links.log"},
          {.name = "gateway",
           .state = "WAITING",
           .why = "waits for links\nmore",
           .needs = {"links"},
           .needs_at_start = {"seed"}}};
}

TEST(ServiceTableTest, ShowsARowForEachService) {
  const std::string table = ServiceTable(Services(), kNow, std::nullopt);
  EXPECT_THAT(table, HasSubstr("SERVICE STATE"));
  EXPECT_THAT(table, HasSubstr("links"));
  EXPECT_THAT(table, HasSubstr("2m5s"));
  EXPECT_THAT(table, HasSubstr("http://127.0.0.1:4000"));
  EXPECT_THAT(table, HasSubstr("waits for links"));
  EXPECT_THAT(table, Not(HasSubstr("more"))) << "one line each";
  EXPECT_THAT(table, Not(HasSubstr("has been ready"))) << "the state says so";
}

TEST(ServiceTableTest, ShowsWhatIsFrozenAndWhatAServiceSays) {
  std::vector<ServiceSnapshot> services = Services();
  services[0].frozen = true;
  services[0].status = "reindexing, 40 %";
  const std::string table = ServiceTable(services, kNow, std::nullopt);
  EXPECT_THAT(table, HasSubstr("READY (frozen)"));
  EXPECT_THAT(table, HasSubstr("reindexing, 40 %"));
  const auto json = nlohmann::json::parse(
      ServicesJson({.environment = "two"}, services, {"no cgroup"}));
  EXPECT_EQ(json["services"][0]["frozen"], true);
  EXPECT_EQ(json["services"][0]["status"], "reindexing, 40 %");
  EXPECT_EQ(json["services"][1]["frozen"], false);
  EXPECT_EQ(json["notes"][0], "no cgroup");
}

TEST(ServiceTableTest, JsonHasEverything) {
  const auto json = nlohmann::json::parse(
      ServicesJson({.environment = "two", .instance = "default"}, Services()));
  EXPECT_EQ(json["environment"], "two");
  const auto& links = json["services"][0];
  EXPECT_EQ(links["name"], "links");
  EXPECT_EQ(links["pid"], 4711);
  EXPECT_EQ(links["since"], "2023-11-14T22:11:15+00:00");
  EXPECT_EQ(links["endpoints"]["http"], "http://127.0.0.1:4000");
  const auto& gateway = json["services"][1];
  EXPECT_TRUE(gateway["pid"].is_null());
  EXPECT_TRUE(gateway["since"].is_null());
  EXPECT_EQ(gateway["why"], "waits for links\nmore");
  EXPECT_EQ(gateway["needs"][0], "links");
  EXPECT_EQ(gateway["needs_at_start"][0], "seed");
}

TEST(ServiceTableTest, ListsEnvironments) {
  const LockHolder two = {.environment = "two",
                          .instance = "default",
                          .pid = 4711,
                          .host = "",
                          .since = kNow - absl::Hours(50),
                          .command_line = "two --x=\xff",
                          .control_socket = "/s",
                          .state_directory = "/state/two/default"};
  const std::string table = EnvironmentTable({two}, kNow, std::nullopt);
  EXPECT_THAT(table, HasSubstr("two"));
  EXPECT_THAT(table, HasSubstr("2d2h"));
  EXPECT_THAT(table, HasSubstr("/state/two/default"));
  const auto json = nlohmann::json::parse(EnvironmentsJson({two}));
  EXPECT_EQ(json[0]["pid"], 4711);
}

}  // namespace
}  // namespace espalier
