// A test that fails, to see what is said then.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/links/links.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/service_matchers.h"

namespace espalier {
namespace {

TEST(FailingExample, ExpectsTheWrongState) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {});
  });
  ASSERT_NE(links, nullptr);
  EXPECT_THAT(links->Get("links"), StateIs(ServiceState::kFailed));
}

TEST(FailingExample, AsksForAServiceThatThereIsNot) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {});
  });
  ASSERT_NE(links, nullptr);
  links->Signal("lnks", 9);
}

TEST(FailingExample, CannotStart) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {},
                                           {.name = "No Such Name"});
  });
  EXPECT_EQ(links, nullptr);
}

}  // namespace
}  // namespace espalier
