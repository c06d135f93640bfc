// Random environments of nested groups, with random deaths, failures and
// commands at random moments: whatever happens, bodies are run again until all
// that was asked for runs. The seed decides what there is and what may happen;
// when it happens, the clock decides as well.
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"

namespace espalier {
namespace {

using enum ServiceState;

// What is random stops after so many acts.
constexpr int kActs = 100;
// Of one environment; a hundred times what it takes.
constexpr absl::Duration kLongest = absl::Seconds(20);
// Nothing that happens here is to end an environment.
const GroupOptions kManyRuns = {.restart = QuickRestarts(1000)};

// What a body starts, in order.
struct Plan {
  struct Item {
    std::string name;
    // Of a service: its number, its path, and the numbers of those it needs.
    size_t number = 0;
    std::string path = {};
    std::vector<size_t> needs = {};
    int max_runs = 1;
    // Of a group.
    std::unique_ptr<Plan> group = nullptr;
  };
  Strategy strategy = Strategy::kOneForOne;
  // The first two are started at once.
  bool at_once = false;
  std::vector<Item> items = {};
};

class Environment {
 public:
  explicit Environment(uint64_t seed) : dice_(seed) {
    all_.name = "all";
    all_.group = std::make_unique<Plan>(MakePlan("all/", 0));
    urls_.resize(paths_.size());
    for (const std::string& path : paths_) world_.Direct(path, "");
    world_.on_change = [this](const Changed& change) { On(change); };
    end_ = world_.loop().After(kLongest, [this] { late_ = true; });
  }

  // Empty if all runs at the end; else what does not.
  std::string Run() {
    world_.Run([this](Nursery& nursery) -> Task<void> {
      co_await Start(nursery, all_);
    });
    while (acts_left_ > 0 && !world_.ended()) {
      bool passed = false;
      const auto soon = world_.loop().After(absl::Milliseconds(Pick(2)),
                                            [&] { passed = true; });
      world_.Await([&] { return passed; });
      Act();
    }
    // While a group is being stopped, starts in it are refused; what was taken
    // on must come without being asked for again.
    std::vector<std::string> refused;
    for (const std::string& path : paths_) {
      Tell<StartRequested>(path);
      if (!IsWanted(path)) refused.push_back(path);
    }
    world_.Await([this] { return late_ || NoneIsClosed(); });
    for (const std::string& path : refused) Tell<StartRequested>(path);
    world_.Await([this] { return late_ || AllIsUp(); });
    if (world_.ended())
      return absl::StrCat("ended: ", world_.ended()->message());
    return AllIsUp() ? "" : Story();
  }

  // How often a body was run.
  int64_t runs() const { return runs_; }

 private:
  size_t Pick(size_t below) { return dice_() % below; }

  Plan MakePlan(const std::string& path, int depth) {
    Plan plan = {.strategy = static_cast<Strategy>(Pick(4)),
                 .at_once = Pick(2) == 0};
    const size_t size = 2 + Pick(3);
    for (size_t i = 0; i < size; ++i) {
      const std::string number = absl::StrCat(path.size() / 3, i);
      if (i >= 2 && depth < 2) {
        const std::string name = absl::StrCat("g", number);
        plan.items.push_back({.name = name,
                              .group = std::make_unique<Plan>(MakePlan(
                                  absl::StrCat(path, name, "/"), depth + 1))});
        continue;
      }
      Plan::Item item = {.name = absl::StrCat("s", number),
                         .number = paths_.size()};
      item.path = absl::StrCat(path, item.name);
      // One that is started at the same time cannot be needed.
      const size_t known = paths_.size() - (i == 1 && plan.at_once);
      for (size_t need = Pick(3); known > 0 && need > 0; --need)
        item.needs.push_back(Pick(known));
      item.max_runs = 1 + static_cast<int>(Pick(2));
      paths_.push_back(item.path);
      plan.items.push_back(std::move(item));
    }
    return plan;
  }

  Task<HttpUrl> Start(Nursery& nursery, const Plan::Item& item) {
    if (item.group != nullptr) {
      co_return co_await nursery.Group<HttpUrl>(
          item.name, item.group->strategy,
          [this, &item](Nursery& inner) -> Task<HttpUrl> {
            ++runs_;
            co_return co_await Fill(inner, *item.group);
          },
          kManyRuns);
    }
    ActorOptions options = {.restart = QuickRestarts(item.max_runs)};
    for (const size_t need : item.needs) options.needs.push_back(*urls_[need]);
    HttpUrl url = co_await world_.StartActor(nursery, item.name, options);
    urls_[item.number] = url;
    co_return url;
  }

  Task<HttpUrl> Fill(Nursery& nursery, const Plan& plan) {
    std::optional<HttpUrl> first;
    size_t next = 0;
    if (plan.at_once) {
      const auto [one, other] = co_await All(Start(nursery, plan.items[0]),
                                             Start(nursery, plan.items[1]));
      first = one;
      next = 2;
    }
    for (; next < plan.items.size(); ++next) {
      HttpUrl url = co_await Start(nursery, plan.items[next]);
      if (!first) first = url;
    }
    co_return *first;
  }

  // One that hangs is killed after a while; and things happen at any moment.
  void On(const Changed& change) {
    if (change.to == kStarting) {
      watches_.push_back(
          world_.loop().After(absl::Milliseconds(2), [this, id = change.id] {
            const Engine& engine = world_.runtime().engine();
            if (engine.State(id) == kStarting)
              world_.Kill({world_.runtime().services()[Index(id)].path});
          }));
    }
    if (change.to == kDraining && Pick(2) == 0)
      world_.Direct(world_.runtime().services()[Index(change.id)].path, "");
    if (Pick(8) == 0) Act();
  }

  void Act() {
    if (acts_left_ == 0) return;
    --acts_left_;
    const std::string& path = paths_[Pick(paths_.size())];
    switch (Pick(9)) {
      case 0:
        return Tell<StopRequested>(path);
      case 1:
        return Tell<RestartRequested>(path);
      case 2:
      case 3:
      case 4:
        return Tell<StartRequested>(path);
      case 5:
        return world_.Direct(path, "exit 1");
      case 6:
        return world_.Direct(path, Pick(2) == 0 ? "hang" : "ready_exit 1");
      default:
        if (IsUp(path)) world_.Kill({path});
        return world_.Direct(path, "");
    }
  }

  template <typename Request>
  void Tell(const std::string& path) {
    const ServiceDefinition* service = world_.runtime().Find(path);
    if (service != nullptr) world_.runtime().Handle(Request{.id = service->id});
  }

  bool IsWanted(const std::string& path) {
    if (world_.runtime().Find(path) == nullptr) return false;
    const Engine& engine = world_.runtime().engine();
    return !IsAtRest(engine.State(world_.Id(path))) &&
           !engine.IsToStop(world_.Id(path));
  }

  bool IsUp(const std::string& path) {
    return world_.runtime().Find(path) != nullptr &&
           world_.State(path) == kReady;
  }

  bool NoneIsClosed() {
    const Engine& engine = world_.runtime().engine();
    for (uint32_t group = 0; group < engine.group_count(); ++group) {
      if (engine.IsClosed(GroupId{group})) return false;
    }
    return true;
  }

  bool AllIsUp() {
    for (const std::string& path : paths_) {
      if (!IsUp(path) ||
          world_.runtime().engine().IsStopPending(world_.Id(path))) {
        return false;
      }
    }
    return world_.ready();
  }

  std::string Story() {
    std::string story;
    for (const std::string& path : paths_) {
      const ServiceDefinition* service = world_.runtime().Find(path);
      if (service == nullptr) {
        absl::StrAppend(&story, path, " is not declared\n");
        continue;
      }
      absl::StrAppend(
          &story, path, ": ",
          world_.runtime().engine().Explain(service->id, Runtime::Now()));
      const auto outlook = world_.runtime().GroupOutlook(service->id);
      absl::StrAppend(&story, outlook ? "; " + outlook->story : "", "\n");
    }
    return story;
  }

  std::mt19937_64 dice_;
  int acts_left_ = kActs;
  int64_t runs_ = 0;
  bool late_ = false;
  // By number.
  std::vector<std::string> paths_;
  std::vector<std::optional<HttpUrl>> urls_;
  Plan::Item all_;
  GroupWorld world_{WorldKind::kSimulated};
  std::vector<Loop::Watch> watches_;
  Loop::Watch end_;
};

TEST(RandomGroupsTest, WhatWasAskedForIsReachedWhateverHappens) {
  int64_t runs = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Environment environment(seed);
    ASSERT_EQ(environment.Run(), "") << "seed " << seed;
    runs += environment.runs();
  }
  EXPECT_GT(runs, 500) << "bodies were hardly ever run again";
}

}  // namespace
}  // namespace espalier
