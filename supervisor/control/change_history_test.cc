#include "supervisor/control/change_history.h"

#include <optional>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

std::optional<std::vector<int64_t>> After(const ChangeHistory& history,
                                          int64_t revision) {
  const auto changes = history.After(revision);
  if (!changes.has_value()) return std::nullopt;
  std::vector<int64_t> revisions;
  for (const ServiceChange& change : *changes) {
    revisions.push_back(change.revision);
  }
  return revisions;
}

TEST(ChangeHistoryTest, KnowsWhatCameAfterARevision) {
  ChangeHistory history(10, 100);
  EXPECT_THAT(After(history, 10), Optional(IsEmpty()));
  history.Add({.revision = 11});
  history.Add({.revision = 12});
  EXPECT_THAT(After(history, 10), Optional(ElementsAre(11, 12)));
  EXPECT_THAT(After(history, 11), Optional(ElementsAre(12)));
  EXPECT_THAT(After(history, 12), Optional(IsEmpty()));
}

TEST(ChangeHistoryTest, DoesNotPretendToKnowMore) {
  ChangeHistory history(10, 2);
  EXPECT_EQ(After(history, 9), std::nullopt) << "from before its time";
  EXPECT_EQ(After(history, 11), std::nullopt) << "from the future";
  for (int64_t i = 11; i <= 14; ++i) history.Add({.revision = i});
  EXPECT_EQ(After(history, 11), std::nullopt) << "forgotten";
  EXPECT_THAT(After(history, 12), Optional(ElementsAre(13, 14)));
}

}  // namespace
}  // namespace espalier
