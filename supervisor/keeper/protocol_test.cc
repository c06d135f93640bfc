#include "supervisor/keeper/protocol.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

SpawnRequest FullSpawn() {
  return {.id = 7,
          .generation = uint64_t{1} << 60,
          .program = "/bin/true",
          .argv = {"true", "", std::string(100'000, 'x')},
          .environment = {"A=1", "B="},
          .working_directory = "/tmp",
          .log_path = "/tmp/log",
          .strict_log = StrictLogRule{.max_bytes = 1 << 20, .drop = true},
          .listener_names = {"http", "grpc"},
          .readiness_variable = "READY_FD",
          .credentials = Credentials{.uid = 1, .gid = 2, .groups = {3, 4}},
          .limits = {{.resource = 7, .soft = 10, .hard = UINT64_MAX}},
          .nice = -5,
          .umask = 077,
          .no_new_privs = true,
          .tree = {.memory_bytes = 1, .cpu_us = 2, .tasks = 3},
          .notify = NotifyRule{.watchdog_ns = 4}};
}

std::vector<Request> AllRequests() {
  return {FullSpawn(),
          SpawnRequest{},
          StopRequest{.id = 1, .generation = 2, .signal = 15, .grace_ns = 9},
          KillRequest{.id = 3, .generation = 4},
          SignalRequest{.id = 5, .generation = 6, .signal = 1},
          ShutdownRequest{},
          FreezeRequest{.id = 7, .generation = 8, .frozen = true}};
}

std::vector<Event> AllEvents() {
  return {HelloEvent{.keeper_pid = 9,
                     .rung = TreeRung::kCgroupKill,
                     .token = "token",
                     .note = "note"},
          SpawnedEvent{.id = 1, .generation = 2, .pid = 3},
          MainProcessEvent{.id = 1, .generation = 2, .pid = 3},
          SpawnFailedEvent{
              .id = 1, .generation = 2, .stage = SpawnStage::kExec, .error = 2},
          ReadyEvent{.id = 1, .generation = 2},
          ExitedEvent{.id = 1,
                      .generation = 2,
                      .code = 3,
                      .status = 4,
                      .oom_killed = true,
                      .user_ns = 5,
                      .system_ns = 6,
                      .max_rss_kib = 7},
          DrainedEvent{.id = 1, .generation = 2},
          StatusEvent{.id = 1, .generation = 2, .text = "text"},
          WatchdogLostEvent{.id = 1, .generation = 2},
          NoteEvent{.text = "note"},
          RefusedEvent{.count = 1, .reason = "reason"},
          LogLossEvent{.id = 1,
                       .generation = 2,
                       .error = 3,
                       .lost_bytes = 4,
                       .lost_lines = 5}};
}

template <typename Message>
std::string Frame(const Message& message) {
  std::string bytes;
  Encode(message, &bytes);
  std::string_view frame;
  size_t consumed = 0;
  EXPECT_EQ(NextFrame(bytes, &frame, &consumed), FrameResult::kFrame);
  EXPECT_EQ(consumed, bytes.size());
  return std::string(frame);
}

template <typename Message>
void ExpectRoundTrips(const std::vector<Message>& messages) {
  std::set<size_t> kinds;
  for (const Message& message : messages) {
    Message decoded;
    ASSERT_TRUE(Decode(Frame(message), &decoded)) << message.index();
    EXPECT_EQ(decoded, message);
    kinds.insert(message.index());
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Message>) << "one is not tested";
}

TEST(ProtocolTest, EveryRequestArrivesAsItWasSent) {
  ExpectRoundTrips(AllRequests());
  for (const Request& request : AllRequests()) {
    std::string bytes;
    Encode(request, &bytes);
    EXPECT_EQ(EncodedSize(request), bytes.size());
  }
}

TEST(ProtocolTest, EveryEventArrivesAsItWasSent) {
  ExpectRoundTrips(AllEvents());
}

// Every cut, and anything behind the end.
template <typename Message>
void ExpectRefusesOtherLengths(const std::vector<Message>& messages) {
  for (const Message& message : messages) {
    const std::string frame = Frame(message);
    const size_t step = std::max<size_t>(1, frame.size() / 1000);
    Message decoded;
    for (size_t n = 0; n < frame.size(); n += step) {
      EXPECT_FALSE(Decode(std::string_view(frame).substr(0, n), &decoded))
          << message.index() << " cut to " << n;
    }
    EXPECT_FALSE(Decode(frame + '\0', &decoded)) << message.index();
  }
}

TEST(ProtocolTest, RefusesFramesThatAreTooShortOrTooLong) {
  ExpectRefusesOtherLengths(AllRequests());
  ExpectRefusesOtherLengths(AllEvents());
}

TEST(ProtocolTest, RefusesUnknownKinds) {
  Request request;
  Event event;
  for (int kind : {0, 6, 8, 255}) {
    const std::string frame(1, static_cast<char>(kind));
    EXPECT_FALSE(Decode(frame, &request));
    EXPECT_FALSE(Decode(frame, &event));
  }
}

TEST(ProtocolTest, ACountThatPromisesMoreThanTheFrameHoldsAllocatesNothing) {
  std::string frame = Frame(SpawnRequest{});
  // argv's count follows kind, id, generation and the program's length.
  const size_t count_at = 1 + 4 + 8 + 4;
  std::memset(frame.data() + count_at, 0xff, 4);
  Request request;
  EXPECT_FALSE(Decode(frame, &request));
  EXPECT_LT(std::get<SpawnRequest>(request).argv.capacity(), 1000u);
}

TEST(ProtocolTest, ALengthIsCheckedBeforeTheFrameIsAwaited) {
  std::string_view frame;
  size_t consumed = 0;
  for (uint32_t length : {uint32_t{0}, uint32_t{kMaxFrameBytes} + 1, ~0u}) {
    const std::string bytes(reinterpret_cast<const char*>(&length), 4);
    EXPECT_EQ(NextFrame(bytes, &frame, &consumed), FrameResult::kMalformed);
  }
  const uint32_t length = kMaxFrameBytes;
  std::string bytes(reinterpret_cast<const char*>(&length), 4);
  EXPECT_EQ(NextFrame(bytes, &frame, &consumed), FrameResult::kIncomplete);
  EXPECT_EQ(NextFrame(bytes.substr(0, 3), &frame, &consumed),
            FrameResult::kIncomplete);
}

// Random damage, with a fixed seed: nothing but "refused" or "understood" may
// come of it. Sanitizers see the rest.
TEST(ProtocolTest, SurvivesDamagedFrames) {
  std::mt19937 random(1);
  std::vector<std::string> frames;
  SpawnRequest spawn = FullSpawn();
  spawn.argv = {"true"};
  frames.push_back(Frame(Request(spawn)));
  for (const Event& event : AllEvents()) frames.push_back(Frame(event));
  for (int round = 0; round < 20'000; ++round) {
    std::string frame = frames[random() % frames.size()];
    for (int n = random() % 4; n >= 0; --n) {
      frame[random() % frame.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) frame.resize(random() % frame.size());
    Request request;
    Event event;
    if (Decode(frame, &request)) {
      EXPECT_EQ(Frame(request), frame);
    }
    if (Decode(frame, &event)) {
      EXPECT_EQ(Frame(event), frame);
    }
  }
}

TEST(ProtocolTest, StagesAndRungsHaveNames) {
  std::set<std::string_view> names;
  for (int i = 1; i <= static_cast<int>(SpawnStage::kExec); ++i) {
    names.insert(SpawnStageName(static_cast<SpawnStage>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(SpawnStage::kExec));
  EXPECT_EQ(SpawnStageName(SpawnStage::kOpenProgram), "opening the program");
  EXPECT_EQ(TreeRungName(TreeRung::kMarker), "subreaper and marker");
}

}  // namespace
}  // namespace espalier::keeper
