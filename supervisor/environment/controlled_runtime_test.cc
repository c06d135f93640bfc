#include "supervisor/environment/controlled_runtime.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/environment/event_recorder.h"
#include "supervisor/journal/journal_reader.h"
#include "supervisor/nursery/suite/group_world.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
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

// A shop, whose group is run again when its store fails once.
class ControlledGroupTest : public ControlledRuntimeTest {
 protected:
  static Task<HttpUrl> StartShop(const GroupWorld* world, Nursery& nursery,
                                 RestartRule restart) {
    co_return co_await nursery.Group<HttpUrl>(
        "shop", Strategy::kOneForOne,
        [world](Nursery& shop) -> Task<HttpUrl> {
          co_return co_await world->StartActor(shop, "store",
                                               {.restart = QuickRestarts(1)});
        },
        {.restart = restart});
  }

  // Of one service, which waits for no other.
  Explanation Explain(const std::string& name) {
    absl::StatusOr<std::vector<Explanation>> chain = controlled_.Explain(name);
    EXPECT_TRUE(chain.ok()) << chain.status();
    EXPECT_EQ(chain->size(), 1u);
    return chain->front();
  }
};

TEST_F(ControlledGroupTest, ExplainsThePauseBeforeAGroupIsRunAgain) {
  world_.Run([this](Nursery& nursery) -> Task<void> {
    const RestartRule patient = {.window = absl::Hours(10),
                                 .initial_delay = absl::Hours(1),
                                 .max_delay = absl::Hours(1),
                                 .jitter = 0,
                                 .ready_for_reset = absl::Hours(1)};
    const HttpUrl store = co_await StartShop(&world_, nursery, patient);
    co_await world_.StartActor(nursery, "user", {.needs = {store}});
  });
  ASSERT_TRUE(world_.ready());
  bool pauses = false;
  world_.on_group_move = [&](const GroupRun::Move& move) {
    pauses = move.to == GroupRun::State::kPausing;
  };
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.Await([&] {
    return pauses && world_.State("user") == ServiceState::kInactive;
  }));
  const Explanation store = Explain("shop/store");
  EXPECT_THAT(store.next, HasSubstr("its group shop is run again in 3"));
  EXPECT_THAT(store.next, HasSubstr("(failed 1 of 5 times): store could not"));
  EXPECT_GT(store.next_in, absl::Minutes(59));
  EXPECT_LE(store.next_in, absl::Hours(1));
  EXPECT_THAT(store.service.why, HasSubstr("has failed for good"));
  EXPECT_THAT(store.service.why, HasSubstr("; its group shop is run again in"));
  const Explanation user = Explain("user");
  EXPECT_THAT(user.next, HasSubstr("it starts when the group shop is up, which "
                                   "is run again in 3"));
  EXPECT_GT(user.next_in, absl::Minutes(59));
}

TEST_F(ControlledGroupTest, ExplainsAStartThatWaitsForAGroup) {
  Explanation late;
  Loop::Watch soon;
  world_.Direct("gate", "hang");
  world_.on_move = [this](const std::string& move) {
    // The second run of the shop is under way, and lasts.
    if (move != "shop/store STARTING" || world_.Runs("shop/store") != 2) return;
    world_.Direct("gate", "");
    world_.Kill({"gate"});
  };
  world_.Run([&, this](Nursery& nursery) -> Task<void> {
    const HttpUrl store =
        co_await StartShop(&world_, nursery, QuickRestarts(3));
    world_.Direct("shop/store", "hang");
    world_.Kill({"shop/store"});
    co_await world_.StartActor(nursery, "gate");
    soon = world_.loop().After(absl::ZeroDuration(), [&, this] {
      late = Explain("late");
      world_.Direct("shop/store", "");
      world_.Kill({"shop/store"});
    });
    co_await world_.StartActor(nursery, "late", {.needs = {store}});
  });
  ASSERT_TRUE(world_.ready()) << *world_.ended();
  EXPECT_EQ(late.service.state, "INACTIVE");
  EXPECT_THAT(late.next, HasSubstr("it starts when the group shop is up, which "
                                   "is being run again (failed 1 of 3 times)"));
  EXPECT_THAT(late.service.why, HasSubstr("was never started; it starts when"));
  EXPECT_EQ(Explain("late").service.why.find("; it starts"), std::string::npos);
}

TEST_F(ControlledGroupTest, TheRunsOfAGroupAreRecordedAsEvents) {
  TestDirectory directory;
  const std::string path = directory.path() + "/journal";
  {
    EventRecorder recorder(world_.loop(), world_.runtime(), {.path = path});
    bool is_up_again = false;
    world_.on_group_move = [&](const GroupRun::Move& move) {
      recorder.On(move);
      is_up_again = move.run == 2 && move.to == GroupRun::State::kUp;
    };
    world_.Run([this](Nursery& nursery) -> Task<void> {
      co_await StartShop(&world_, nursery, QuickRestarts(3));
    });
    world_.Kill({"shop/store"});
    ASSERT_TRUE(world_.Await([&] { return is_up_again; }));
    world_.on_group_move = nullptr;
  }
  absl::StatusOr<JournalReader> journal = JournalReader::Open(path);
  ASSERT_TRUE(journal.ok()) << journal.status();
  std::vector<std::string> story;
  while (const auto event = journal->Next()) {
    const auto& move = event->group_transition();
    story.push_back(absl::StrCat(event->revision(), " ", move.group(), " ",
                                 move.run(), " ", move.from(), " ", move.to(),
                                 move.detail().empty() ? "" : ": ",
                                 move.detail().substr(0, 19)));
  }
  EXPECT_THAT(story,
              ElementsAre("1 shop 1 NEW RUNNING", "2 shop 1 RUNNING UP",
                          "3 shop 1 UP FAILING: store could not be ",
                          "4 shop 1 FAILING PAUSING: failed 1 of 3 times",
                          "5 shop 1 PAUSING STOPPING",
                          "6 shop 2 STOPPING RUNNING", "7 shop 2 RUNNING UP"));
}

}  // namespace
}  // namespace espalier
