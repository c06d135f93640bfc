#include "supervisor/journal/event_filter.h"

#include <string>

#include "gtest/gtest.h"

namespace espalier {
namespace {

using journal::v1::Event;

Event Move(const std::string& service) {
  Event event;
  event.mutable_transition()->set_service(service);
  return event;
}

Event GroupMove(const std::string& group) {
  Event event;
  event.mutable_group_transition()->set_group(group);
  return event;
}

TEST(EventFilterTest, NoServicesAreAll) {
  EXPECT_TRUE(Concerns(Move("links"), {}));
  EXPECT_TRUE(Concerns(GroupMove("shop"), {}));
  EXPECT_TRUE(Concerns(Event(), {}));
}

TEST(EventFilterTest, OfAServiceItsOwnMoves) {
  EXPECT_TRUE(Concerns(Move("links"), {"gateway", "links"}));
  EXPECT_FALSE(Concerns(Move("links"), {"gateway", "link", "shop/links"}));
}

TEST(EventFilterTest, OfAServiceThatItWasFrozen) {
  Event event;
  event.mutable_freeze_change()->set_service("links");
  EXPECT_TRUE(Concerns(event, {"links"}));
  EXPECT_FALSE(Concerns(event, {"gateway"}));
}

TEST(EventFilterTest, OfTheGroupsAroundAService) {
  EXPECT_TRUE(Concerns(GroupMove("shop"), {"shop/links"}));
  EXPECT_TRUE(Concerns(GroupMove("mall"), {"mall/shop/links"}));
  EXPECT_TRUE(Concerns(GroupMove("mall/shop"), {"mall/shop/links"}));
  EXPECT_FALSE(Concerns(GroupMove("shop"), {"links", "shops/links", "shop"}));
}

TEST(EventFilterTest, WhatConcernsTheEnvironmentConcernsAll) {
  Event event;
  event.mutable_run_began();
  EXPECT_TRUE(Concerns(event, {"links"}));
}

}  // namespace
}  // namespace espalier
