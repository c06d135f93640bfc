#include "tools/envctl/event_printer.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace espalier {
namespace {

using journal::v1::Event;
using testing::HasSubstr;
using testing::Not;

const absl::TimeZone kUtc = absl::UTCTimeZone();

Event At(int64_t revision) {
  Event event;
  event.set_revision(revision);
  event.set_time_us(1'700'000'000'123'456);
  event.set_monotonic_us(17);
  return event;
}

Event Death(int64_t revision) {
  Event event = At(revision);
  journal::v1::Transition& move = *event.mutable_transition();
  move.set_service("links");
  move.set_generation(2);
  move.set_from("READY");
  move.set_to("DRAINING");
  move.set_cause("exited");
  move.set_detail("exit code 3");
  move.set_change(9);
  move.mutable_exit()->set_code(3);
  return event;
}

TEST(EventPrinterTest, ForAPerson) {
  EventPrinter printer({.name = "two", .zone = kUtc});
  Event began = At(41);
  began.mutable_run_began()->set_pid(4711);
  EXPECT_EQ(printer.Format(began),
            "2023-11-14 22:13:20.123     41 two          started, pid 4711\n");
  EXPECT_EQ(printer.Format(Death(42)),
            "2023-11-14 22:13:20.123     42 links        READY    -> DRAINING  "
            "run 2, exited: exit code 3\n");
  Event ended = At(43);
  ended.mutable_run_ended()->set_error("links could not be kept running");
  EXPECT_EQ(printer.Format(ended),
            "2023-11-14 22:13:20.123     43 two          ended: links could "
            "not be kept running\n");
}

TEST(EventPrinterTest, TheRunsOfAGroup) {
  EventPrinter printer({.zone = kUtc});
  Event event = At(42);
  journal::v1::GroupTransition& move = *event.mutable_group_transition();
  move.set_group("shop");
  move.set_run(2);
  move.set_from("PAUSING");
  move.set_to("STOPPING");
  EXPECT_EQ(printer.Format(event),
            "2023-11-14 22:13:20.123     42 shop         PAUSING  -> STOPPING  "
            "group, run 2\n");
  move.set_detail("failed 1 of 3 times");
  EXPECT_THAT(printer.Format(event),
              HasSubstr("group, run 2: failed 1 of 3 times\n"));
  const auto json =
      nlohmann::json::parse(EventPrinter({.json = true}).Format(event));
  EXPECT_EQ(json["event"], "group_transition");
  EXPECT_EQ(json["group"], "shop");
  EXPECT_EQ(json["run"], 2);
  EXPECT_EQ(json["from"], "PAUSING");
  EXPECT_EQ(json["to"], "STOPPING");
  EXPECT_EQ(json["detail"], "failed 1 of 3 times");
}

TEST(EventPrinterTest, WhatWasFrozenAndThawed) {
  EventPrinter printer({.zone = kUtc});
  Event event = At(42);
  journal::v1::FreezeChange& change = *event.mutable_freeze_change();
  change.set_service("links");
  change.set_generation(2);
  change.set_frozen(true);
  EXPECT_EQ(printer.Format(event),
            "2023-11-14 22:13:20.123     42 links        frozen                "
            "run 2, freeze requested\n");
  EventPrinter for_programs({.json = true});
  auto json = nlohmann::json::parse(for_programs.Format(event));
  EXPECT_EQ(json["event"], "frozen");
  EXPECT_EQ(json["service"], "links");
  EXPECT_EQ(json["generation"], 2);
  change.set_frozen(false);
  EXPECT_THAT(printer.Format(event),
              HasSubstr("links        thawed                run 2, thaw "
                        "requested\n"));
  json = nlohmann::json::parse(for_programs.Format(event));
  EXPECT_EQ(json["event"], "thawed");
}

TEST(EventPrinterTest, ARunWithoutAnEndWasKilled) {
  EventPrinter printer({.name = "two"});
  Event began = At(1);
  began.mutable_run_began();
  EXPECT_THAT(printer.Format(began), Not(HasSubstr("killed")));
  began.set_revision(2);
  EXPECT_THAT(printer.Format(began), HasSubstr("the one before was killed"));
  Event ended = At(3);
  ended.mutable_run_ended();
  EXPECT_THAT(printer.Format(ended), HasSubstr(" ended\n"));
  began.set_revision(4);
  EXPECT_THAT(printer.Format(began), Not(HasSubstr("killed")));
}

TEST(EventPrinterTest, AGapIsTold) {
  EventPrinter printer({});
  EXPECT_THAT(printer.Format(Death(5)), Not(HasSubstr("missing")));
  EXPECT_THAT(printer.Format(Death(8)),
              HasSubstr("(events 6 to 7 are missing"));
  EventPrinter some({.all = false});
  some.Format(Death(5));
  EXPECT_THAT(some.Format(Death(8)), Not(HasSubstr("missing")));
}

TEST(EventPrinterTest, ForPrograms) {
  EventPrinter printer({.json = true});
  const std::string line = printer.Format(Death(42));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["revision"], 42);
  EXPECT_EQ(json["time"], "2023-11-14T22:13:20.123456+00:00");
  EXPECT_EQ(json["event"], "transition");
  EXPECT_EQ(json["service"], "links");
  EXPECT_EQ(json["to"], "DRAINING");
  EXPECT_EQ(json["exit"]["code"], 3);
  EXPECT_EQ(json["change"], 9);
}

TEST(ParseSinceTest, RevisionsAndTimes) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  const auto time = [&](absl::string_view text) {
    const absl::StatusOr<Since> since = ParseSince(text, now, kUtc);
    EXPECT_EQ(since.status(), absl::OkStatus());
    EXPECT_EQ(since->revision, 0) << text;
    return since->time;
  };
  EXPECT_EQ(ParseSince("1234", now)->revision, 1234);
  EXPECT_EQ(ParseSince("1234", now)->time, absl::InfinitePast());
  EXPECT_EQ(time("1h30m"), now - absl::Minutes(90));
  const absl::Time there =
      absl::FromCivil(absl::CivilSecond(2023, 11, 14, 14, 5, 30), kUtc);
  EXPECT_EQ(time("14:05:30"), there);
  EXPECT_EQ(time("14:05"), there - absl::Seconds(30));
  EXPECT_EQ(time("2023-11-14 14:05:30"), there);
  EXPECT_EQ(time("2023-11-14T15:05:30+01:00"), there);
  EXPECT_EQ(time("2023-11-14T14:05:30"), there);
  EXPECT_EQ(time("2023-11-14"),
            absl::FromCivil(absl::CivilDay(2023, 11, 14), kUtc));
  for (const char* wrong : {"", "-5", "-5m", "yesterday", "25:00"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseSince(wrong, now, kUtc).status()))
        << wrong;
  }
}

}  // namespace
}  // namespace espalier
