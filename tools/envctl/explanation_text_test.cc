#include "tools/envctl/explanation_text.h"

#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace espalier {
namespace {

std::vector<Explanation> Chain() {
  return {{.service = {.name = "gateway",
                       .state = "WAITING",
                       .why = "gateway waits for links, which failed 3 of 5 "
                              "times: exit code 1, next run in 0.8 s",
                       .log_file = "/logs/gateway.log"},
           .age = absl::Milliseconds(3250),
           .cause = "start requested",
           .next = "starts as soon as links is ready",
           .max_failures = 5,
           .window = absl::Minutes(1),
           .waits_for = {"links"}},
          {.service = {.name = "links",
                       .state = "BACKOFF",
                       .generation = 3,
                       .log_file = "/logs/links.log"},
           .age = absl::Hours(1) + absl::Milliseconds(61'500),
           .cause = "drained",
           .next = "runs again in 0.8 s",
           .next_in = absl::Milliseconds(800),
           .failures = 3,
           .max_failures = 5,
           .window = absl::Minutes(1),
           .last_exit = "exit code 1"}};
}

TEST(ExplanationTextTest, ForAPerson) {
  EXPECT_EQ(
      ExplanationText(Chain()),
      R"(gateway waits for links, which failed 3 of 5 times: exit code 1, next run in 0.8 s

gateway: WAITING for 3.2 s (start requested)
  next      starts as soon as links is ready
  waits for links
  log       /logs/gateway.log

links: BACKOFF for 1h1m (drained)
  next      runs again in 0.8 s
  failures  3 of 5 within 1m
  last exit exit code 1
  log       /logs/links.log
)");
}

TEST(ExplanationTextTest, OneThatWasNeverStarted) {
  EXPECT_EQ(ExplanationText({{.service = {.name = "links",
                                          .state = "INACTIVE",
                                          .why = "links was never started"},
                              .cause = "never started",
                              .next = "stays so until it is started"}}),
            R"(links was never started

links: INACTIVE (never started)
  next      stays so until it is started
)");
}

TEST(ExplanationTextTest, ForPrograms) {
  const auto json = nlohmann::json::parse(ExplanationJson(Chain()));
  EXPECT_EQ(json["why"], Chain().front().service.why);
  ASSERT_EQ(json["chain"].size(), 2u);
  EXPECT_EQ(json["chain"][0]["for_s"], 3.25);
  EXPECT_TRUE(json["chain"][0]["next_in_s"].is_null());
  EXPECT_TRUE(json["chain"][0]["last_exit"].is_null());
  EXPECT_EQ(json["chain"][0]["waits_for"][0], "links");
  EXPECT_EQ(json["chain"][1]["next_in_s"], 0.8);
  EXPECT_EQ(json["chain"][1]["failures"], 3);
  EXPECT_EQ(json["chain"][1]["last_exit"], "exit code 1");
}

}  // namespace
}  // namespace espalier
