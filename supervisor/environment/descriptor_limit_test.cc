#include "supervisor/environment/descriptor_limit.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

Plan PlanOf(int services, int descriptors) {
  Plan plan;
  for (int i = 0; i < services; ++i) {
    plan.services.push_back({.path = std::to_string(i),
                             .program = {},
                             .arguments = {},
                             .environment = {},
                             .endpoints = {},
                             .files = {},
                             .needs = {},
                             .readiness = {},
                             .descriptors = descriptors});
  }
  return plan;
}

TEST(DescriptorLimitTest, WhatDoesNotFitIsRefusedWithTheNumberNeeded) {
  EXPECT_EQ(CheckDescriptors(PlanOf(10'000, 1), 10'600), absl::OkStatus());
  const absl::Status refused = CheckDescriptors(PlanOf(10'000, 1), 10'599);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()),
              testing::HasSubstr("10000 services need 10600 open descriptors, "
                                 "and at most 10599 are allowed"));
  EXPECT_FALSE(CheckDescriptors(PlanOf(10'000, 2), 10'600).ok());
}

TEST(DescriptorLimitTest, AFewServicesRunUnderAnyLimit) {
  EXPECT_EQ(CheckDescriptors(PlanOf(20, 3), 256), absl::OkStatus());
}

}  // namespace
}  // namespace espalier
