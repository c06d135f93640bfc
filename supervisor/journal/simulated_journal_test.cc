// The journals of simulated environments, damaged at random.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/simulation/random.h"
#include "supervisor/engine/simulation/scenario.h"
#include "supervisor/engine/simulation/simulation.h"
#include "supervisor/journal/event.pb.h"
#include "supervisor/journal/record.h"
#include "supervisor/journal/transition.h"

namespace espalier {
namespace {

using journal::v1::Event;

struct Journal {
  std::string file{kJournalHeader};
  // Where each record begins, and where the last one ends.
  std::vector<size_t> bounds = {kJournalHeader.size()};
  std::vector<std::string> bodies;
};

Journal Record(uint64_t seed) {
  Journal journal;
  const simulation::Scenario scenario = simulation::MakeScenario(seed);
  const simulation::Outcome outcome = simulation::Simulate(
      scenario, nullptr,
      [&](const Changed& change, absl::Time now, const Engine& engine) {
        Event event = TransitionEvent(change, engine.Spec(change.id).name,
                                      engine.LastExit(change.id));
        event.set_revision(static_cast<int64_t>(change.revision));
        event.set_monotonic_us(absl::ToUnixMicros(now));
        journal.bodies.push_back(event.SerializeAsString());
        AppendRecord(journal.bodies.back(), journal.file);
        journal.bounds.push_back(journal.file.size());
      });
  EXPECT_TRUE(outcome.violations.empty()) << outcome.violations.front();
  return journal;
}

std::vector<std::string> Read(const std::string& file) {
  RecordScanner scanner(file);
  std::vector<std::string> bodies;
  while (const auto body = scanner.Next()) bodies.emplace_back(*body);
  return bodies;
}

// The story of a service has no holes: each move begins where the one before
// has led to, and runs are numbered.
void CheckStory(const std::vector<std::string>& bodies) {
  std::map<std::string, journal::v1::Transition> latest;
  int64_t revision = 0;
  int64_t time = 0;
  for (const std::string& body : bodies) {
    Event event;
    ASSERT_TRUE(event.ParseFromString(body));
    const journal::v1::Transition& move = event.transition();
    ASSERT_EQ(event.revision(), ++revision);
    ASSERT_GE(event.monotonic_us(), time);
    time = event.monotonic_us();
    journal::v1::Transition& before = latest[move.service()];
    const std::string from =
        before.to().empty() ? std::string("INACTIVE") : before.to();
    ASSERT_EQ(move.from(), from) << event.DebugString();
    const bool next_run = move.generation() == before.generation() + 1;
    ASSERT_TRUE(move.generation() == before.generation() || next_run)
        << event.DebugString();
    // Where it is told how a process ended, that is there for programs as well.
    if (move.to() == "DRAINING" && move.cause() == "exited") {
      ASSERT_EQ(move.has_exit(), !move.detail().empty()) << event.DebugString();
    }
    before = move;
  }
}

TEST(SimulatedJournalTest, TellsTheWholeStory) {
  size_t moves = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Journal journal = Record(seed);
    ASSERT_EQ(Read(journal.file), journal.bodies) << seed;
    CheckStory(journal.bodies);
    ASSERT_FALSE(HasFatalFailure()) << seed;
    moves += journal.bodies.size();
  }
  EXPECT_GT(moves, 10'000u);
}

// Flips some bits, then tears the end off; whatever was not touched is read.
TEST(SimulatedJournalTest, DamageCostsWhatItTouchesAndNoMore) {
  int damaged = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Journal journal = Record(seed);
    if (journal.bodies.empty()) continue;
    simulation::Random random(seed);
    for (int round = 0; round < 10; ++round) {
      std::string file = journal.file;
      std::vector<bool> touched(journal.bodies.size(), false);
      for (int flips = random.Between(0, 5); flips > 0; --flips) {
        const size_t bit = random.Pick(8 * file.size());
        file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << (bit % 8)));
        const auto after = std::upper_bound(journal.bounds.begin(),
                                            journal.bounds.end(), bit / 8);
        if (after == journal.bounds.begin()) continue;  // in the header
        touched[after - journal.bounds.begin() - 1] = true;
      }
      const size_t size =
          random.OneIn(2) ? file.size() : random.Pick(file.size() + 1);
      file.resize(size);
      std::vector<std::string> expected;
      for (size_t i = 0; i < touched.size(); ++i) {
        if (touched[i] || journal.bounds[i + 1] > size) {
          ++damaged;
        } else {
          expected.push_back(journal.bodies[i]);
        }
      }
      ASSERT_EQ(Read(file), expected) << "seed " << seed << ", round " << round;
      // What comes next is written behind it, and read.
      RecordScanner scanner(file);
      while (scanner.Next().has_value()) {
      }
      file.resize(scanner.end());
      AppendRecord("next", file);
      expected.push_back("next");
      ASSERT_EQ(Read(file), expected) << "seed " << seed << ", round " << round;
    }
  }
  EXPECT_GT(damaged, 1000);
}

}  // namespace
}  // namespace espalier
