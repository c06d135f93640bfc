#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "supervisor/control/control.grpc.pb.h"
#include "supervisor/control/control_fixture.h"

namespace espalier {
namespace {

using journal::v1::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ControlEventsTest : public ControlFixture {
 protected:
  void Keep(EventLog::Options options = {}) {
    options.path = directory_ + "/journal";
    OnLoop([&] { controlled_.KeepEvents(options); });
  }
  // Events of `service`, one a second.
  void Happen(const std::string& service, int times = 1, size_t size = 0) {
    OnLoop([&] {
      for (int i = 0; i < times; ++i) {
        Event event;
        event.mutable_transition()->set_service(service);
        event.mutable_transition()->set_detail(std::string(size, 'x'));
        controlled_.events().Add(event, absl::FromUnixSeconds(++now_), {});
      }
      controlled_.events().Flush();
    });
  }
  void Begin() {
    OnLoop([&] {
      Event event;
      event.mutable_run_began()->set_run_id("r");
      controlled_.events().Add(event, absl::FromUnixSeconds(++now_), {});
      controlled_.events().Flush();
    });
  }
  std::vector<std::string> Read(
      const ControlClient::EventsOptions& options = {}) {
    std::vector<std::string> all;
    const auto client = Connect();
    const auto end = client->Events(options, [&](const Event& event) {
      all.push_back(
          absl::StrCat(event.revision(), " ", event.transition().service()));
      return true;
    });
    if (!end.ok()) return {end.status().ToString()};
    damaged_ = end->damaged;
    return all;
  }

  int64_t now_ = 0;
  int64_t damaged_ = 0;
};

TEST_F(ControlEventsTest, TellsWhatHasHappened) {
  StartServer();
  EXPECT_THAT(Read(), IsEmpty());
  Happen("links");
  Happen("gateway");
  EXPECT_THAT(Read(), ElementsAre("1 links", "2 gateway"));
}

TEST_F(ControlEventsTest, ResumesAfterARevision) {
  StartServer();
  Happen("links", 5);
  EXPECT_THAT(Read({.after_revision = 3}), ElementsAre("4 links", "5 links"));
  EXPECT_THAT(Read({.after_revision = 5}), IsEmpty());
  EXPECT_THAT(Read({.after_revision = 6}),
              ElementsAre(HasSubstr("OUT_OF_RANGE: there is no event with the "
                                    "revision 6; the latest one is 5")));
}

TEST_F(ControlEventsTest, SinceATimeAndOfSomeServices) {
  StartServer();
  Begin();
  Happen("links", 2);
  Happen("gateway");
  Happen("links");
  EXPECT_THAT(Read({.since = absl::FromUnixSeconds(4)}),
              ElementsAre("4 gateway", "5 links"));
  EXPECT_THAT(Read({.services = {"gateway"}}), ElementsAre("1 ", "4 gateway"))
      << "what concerns all is told to all";
}

TEST_F(ControlEventsTest, OfAServiceAndTheGroupsAroundIt) {
  StartServer();
  OnLoop([&] {
    Event event;
    event.mutable_group_transition()->set_group("shop");
    controlled_.events().Add(event, absl::FromUnixSeconds(1), {});
    controlled_.events().Flush();
  });
  Happen("shop/links");
  Happen("gateway");
  EXPECT_THAT(Read({.services = {"shop/links"}}),
              ElementsAre("1 ", "2 shop/links"));
  EXPECT_THAT(Read({.services = {"gateway"}}), ElementsAre("3 gateway"));
}

TEST_F(ControlEventsTest, WhatIsNotAtHandComesFromTheJournal) {
  Keep({.max_recent = 2});
  StartServer();
  Happen("links", 1000);
  std::vector<std::string> all = Read({.after_revision = 10});
  ASSERT_EQ(all.size(), 990u);
  EXPECT_EQ(all.front(), "11 links");
  EXPECT_EQ(all.back(), "1000 links");
  EXPECT_EQ(damaged_, 0);
}

TEST_F(ControlEventsTest, ADamagedRecordIsCounted) {
  Keep({.max_recent = 1});
  StartServer();
  Happen("links", 3);
  {
    std::fstream file(directory_ + "/journal",
                      std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(file), {});
    file.seekp(static_cast<std::streamoff>(bytes.find("links")));
    file << "L";
  }
  EXPECT_THAT(Read(), ElementsAre("2 links", "3 links"));
  EXPECT_EQ(damaged_, 1);
}

TEST_F(ControlEventsTest, WithoutAJournalWhatIsAtHandIsTold) {
  OnLoop([&] { controlled_.KeepEvents({.max_recent = 2}); });
  StartServer();
  Happen("links", 5);
  EXPECT_THAT(Read(), ElementsAre("4 links", "5 links"));
}

TEST_F(ControlEventsTest, FollowsUntilTheEnvironmentEnds) {
  Keep();
  StartServer();
  Happen("links");
  const auto client = Connect();
  absl::Notification began;
  std::vector<int64_t> revisions;
  absl::Status ended;
  std::thread following([&] {
    ended = client
                ->Events({.follow = true},
                         [&](const Event& event) {
                           revisions.push_back(event.revision());
                           if (event.revision() == 1) began.Notify();
                           return true;
                         })
                .status();
  });
  began.WaitForNotification();
  Happen("gateway");
  Happen("links");
  StopServer();
  following.join();
  EXPECT_EQ(ended, absl::UnavailableError("the environment has ended"));
  EXPECT_THAT(revisions, ElementsAre(1, 2, 3)) << "also the last ones";
}

TEST_F(ControlEventsTest, AFollowerStopsWhenItWants) {
  StartServer();
  Happen("links", 3);
  const auto client = Connect();
  int told = 0;
  const auto end = client->Events({.follow = true},
                                  [&](const Event&) { return ++told < 2; });
  EXPECT_EQ(end.status(), absl::OkStatus());
  EXPECT_EQ(told, 2);
}

// F80: far more than gRPC's windows take, while nobody reads, and more than is
// kept at hand.
TEST_F(ControlEventsTest, F80ASlowFollowerMissesNothing) {
  Keep({.max_file_bytes = 64 << 20, .max_recent = 10});
  StartServer();
  const auto stub = control::v1::Supervisor::NewStub(grpc::CreateChannel(
      "unix:" + SocketPath(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  control::v1::EventsRequest request;
  request.set_follow(true);
  const auto reader = stub->Events(&context, request);
  Happen("links");
  control::v1::EventsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  for (int i = 0; i < 20; ++i) Happen("links", 20, 20000);
  int64_t last = response.events(0).revision();
  while (last < 401 && reader->Read(&response)) {
    for (const Event& event : response.events()) {
      ASSERT_EQ(event.revision(), last + 1);
      last = event.revision();
    }
  }
  EXPECT_EQ(last, 401);
  context.TryCancel();
  reader->Finish();
}

}  // namespace
}  // namespace espalier
