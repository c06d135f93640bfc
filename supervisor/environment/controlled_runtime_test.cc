#include "supervisor/environment/controlled_runtime.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ControlledRuntimeTest : public testing::Test {
 protected:
  ServiceSnapshot Snapshot(const std::string& name) {
    for (ServiceSnapshot& service : controlled_.List())
      if (service.name == name) return std::move(service);
    ADD_FAILURE() << "there is no service " << name;
    return {};
  }

  GroupWorld world_{WorldKind::kSimulated};
  EventLog events_{{}};
  ControlledRuntime controlled_{world_.runtime(), events_, [] {}};
};

TEST_F(ControlledRuntimeTest, TellsWhatIsNeededAlwaysAndAtTheStart) {
  world_.Run([this](Nursery& nursery) -> Task<void> {
    HttpUrl primary = co_await world_.StartActor(nursery, "primary");
    HttpUrl store = co_await world_.StartActor(nursery, "store");
    co_await world_.StartActor(nursery, "copy",
                               {.needs = {store}, .start_needs = {primary}});
  });
  ASSERT_TRUE(world_.ready());
  EXPECT_THAT(Snapshot("copy").needs, ElementsAre("store"));
  EXPECT_THAT(Snapshot("copy").needs_at_start, ElementsAre("primary"));
  EXPECT_THAT(Snapshot("primary").needs_at_start, IsEmpty());
}

}  // namespace
}  // namespace espalier
