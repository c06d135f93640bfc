#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "supervisor/control/control.grpc.pb.h"
#include "supervisor/control/control_fixture.h"

namespace espalier {
namespace {

using testing::ElementsAre;

class ControlWatchTest : public ControlFixture {
 protected:
  void Change(int times, size_t size = 10) {
    OnLoop([&] {
      for (int i = 0; i < times; ++i) {
        controlled_.Change("links", std::string(size, 'S'));
      }
    });
  }
  // The first `count` events of a watch.
  std::vector<ControlClient::WatchEvent> Watch(
      ControlClient& client, size_t count,
      const ControlClient::WatchOptions& options = {}) {
    std::vector<ControlClient::WatchEvent> events;
    EXPECT_EQ(client.Watch(options,
                           [&](const ControlClient::WatchEvent& event) {
                             events.push_back(event);
                             return events.size() < count;
                           }),
              absl::OkStatus());
    return events;
  }
};

TEST_F(ControlWatchTest, TellsWhatThereIsAndThenEveryChange) {
  StartServer();
  const auto client = Connect();
  std::vector<int64_t> revisions;
  const absl::Status watched =
      client->Watch({}, [&](const ControlClient::WatchEvent& event) {
        revisions.push_back(event.revision);
        if (event.is_snapshot) {
          EXPECT_EQ(event.services.size(), 2u);
          Change(3);
        } else {
          EXPECT_EQ(event.change.service.name, "links");
          EXPECT_EQ(event.change.revision, event.revision);
        }
        return revisions.size() < 4;
      });
  EXPECT_EQ(watched, absl::OkStatus());
  EXPECT_THAT(revisions, ElementsAre(0, 1, 2, 3));
}

TEST_F(ControlWatchTest, GivesUpAtItsDeadline) {
  StartServer();
  const auto client = Connect();
  const absl::Status watched =
      client->Watch({.deadline = absl::Now()},
                    [](const ControlClient::WatchEvent&) { return true; });
  EXPECT_TRUE(absl::IsDeadlineExceeded(watched)) << watched;
}

TEST_F(ControlWatchTest, LargeSnapshotComesInOnePiece) {
  std::vector<ServiceSnapshot> many(1000);
  for (size_t i = 0; i < many.size(); ++i) {
    many[i].name = std::to_string(i);
    many[i].why = std::string(10000, 'x');
  }
  OnLoop([&] { controlled_ = FakeControlled(many); });
  StartServer();
  const auto client = Connect();
  const auto events = Watch(*client, 1);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].services, many);
  EXPECT_EQ(client->List()->services.size(), 1000u);
}

TEST_F(ControlWatchTest, ResumesAfterARevision) {
  StartServer();
  const auto client = Connect();
  const std::string run = client->List()->run_id;
  Change(5);
  const auto events = Watch(*client, 2, {.run_id = run, .after_revision = 3});
  EXPECT_FALSE(events[0].is_snapshot);
  EXPECT_EQ(events[0].revision, 4);
  EXPECT_EQ(events[1].revision, 5);
}

TEST_F(ControlWatchTest, BeginsAnewIfItsRevisionIsNotKnown) {
  StartServer({.max_history = 3});
  const auto client = Connect();
  const std::string run = client->List()->run_id;
  Change(5);
  for (const ControlClient::WatchOptions& options :
       {ControlClient::WatchOptions{.run_id = run, .after_revision = 1},
        ControlClient::WatchOptions{.run_id = run, .after_revision = 9},
        ControlClient::WatchOptions{.run_id = "old", .after_revision = 4}}) {
    const auto events = Watch(*client, 1, options);
    EXPECT_TRUE(events[0].is_snapshot);
    EXPECT_EQ(events[0].revision, 5);
  }
}

TEST_F(ControlWatchTest, EndsInOrderWithTheEnvironment) {
  StartServer();
  const auto client = Connect();
  absl::Notification began;
  absl::Status ended;
  int64_t last = 0;
  std::thread watching([&] {
    ended = client->Watch({}, [&](const ControlClient::WatchEvent& event) {
      if (event.is_snapshot) began.Notify();
      last = event.revision;
      return true;
    });
  });
  began.WaitForNotification();
  Change(100);
  StopServer();
  watching.join();
  EXPECT_EQ(ended, absl::UnavailableError("the environment has ended"));
  EXPECT_EQ(last, 100) << "the last changes were told";
  OnLoop([&] { EXPECT_FALSE(controlled_.has_subscriber()); });
}

// F80.
TEST_F(ControlWatchTest, SlowWatcherIsToldToResume) {
  StartServer({.max_queued_changes = 10, .max_history = 10000});
  const auto stub = control::v1::Supervisor::NewStub(grpc::CreateChannel(
      "unix:" + SocketPath(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  const auto reader = stub->Watch(&context, control::v1::WatchRequest());
  control::v1::WatchResponse response;
  ASSERT_TRUE(reader->Read(&response));
  // Far more than gRPC's windows take, while nobody reads.
  for (int i = 0; i < 40; ++i) Change(50, 10000);
  int64_t last = 0;
  while (reader->Read(&response)) {
    EXPECT_EQ(response.revision(), last + 1);
    last = response.revision();
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::ABORTED);
  EXPECT_LT(last, 2000);
}

// F80.
TEST_F(ControlWatchTest, ClientThatWasSlowMissesNothing) {
  StartServer({.max_queued_changes = 500, .max_history = 10000});
  const auto client = Connect();
  int64_t last = 0;
  const absl::Status watched =
      client->Watch({}, [&](const ControlClient::WatchEvent& event) {
        if (event.is_snapshot) {
          EXPECT_EQ(last, 0) << "resumed, not begun anew";
          for (int i = 0; i < 60; ++i) Change(25, 10000);
          return true;
        }
        EXPECT_EQ(event.revision, last + 1);
        last = event.revision;
        return last < 1500;
      });
  EXPECT_EQ(watched, absl::OkStatus());
}

}  // namespace
}  // namespace espalier
