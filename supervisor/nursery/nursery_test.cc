#include "supervisor/nursery/nursery.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "supervisor/backend/plan/plan_backend.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/environment_run.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {
namespace {

// A plan whose services behave as their program's name says: "works", "missing"
// (cannot be spawned), "hangs" (never ready), "stubborn" (never ready, and ends
// only when it is killed). It keeps book of what runs.
class ScriptedBackend final : public Backend {
 public:
  explicit ScriptedBackend(Loop& loop) : loop_(loop), plan_(loop) {}

  void SetEventHandler(std::function<void(Event)> handler) override {
    handler_ = handler;
    plan_.SetEventHandler(std::move(handler));
  }
  absl::StatusOr<EndpointAddress> Listen(absl::string_view s,
                                         absl::string_view n) override {
    return plan_.Listen(s, n);
  }
  absl::StatusOr<EndpointAddress> ListenUnix(absl::string_view s,
                                             absl::string_view n) override {
    return plan_.ListenUnix(s, n);
  }
  absl::StatusOr<EndpointAddress> Reserve(absl::string_view,
                                          absl::string_view) override {
    return absl::ResourceExhaustedError("no port is left");
  }
  absl::StatusOr<EndpointAddress> SocketPath(absl::string_view s,
                                             absl::string_view n,
                                             absl::string_view file) override {
    return plan_.SocketPath(s, n, file);
  }
  void Define(const ServiceDefinition& definition) override {
    const size_t index = Index(definition.id);
    if (index == names_.size()) {
      names_.push_back(definition.path);
      programs_.emplace_back();
    }
    programs_[index] = definition.command.program.name();
    plan_.Define(definition);
  }
  void Carry(const Spawn& order) override {
    const std::string& name = names_[Index(order.id)];
    log.push_back("spawn " + name);
    if (programs_[Index(order.id)] == "missing") {
      Report(SpawnFailed{.id = order.id,
                         .generation = order.generation,
                         .error = ENOENT,
                         .stage = "opening the program"});
      return;
    }
    EXPECT_TRUE(running.insert(name).second) << name << " runs twice";
    plan_.Carry(order);
  }
  void Carry(const Stop& order) override {
    log.push_back("stop " + names_[Index(order.id)]);
    if (programs_[Index(order.id)] != "stubborn")
      End(order.id, order.generation, SIGTERM);
  }
  void Carry(const Kill& order) override {
    log.push_back("kill " + names_[Index(order.id)]);
    End(order.id, order.generation, SIGKILL);
  }
  void Carry(const StartProbe& order) override {
    if (programs_[Index(order.id)] == "works") plan_.Carry(order);
    if (on_probe) on_probe(names_[Index(order.id)]);
  }
  void Carry(const StopProbe&) override {}
  void Reload(ServiceId id, std::function<void(absl::Status)> done) override {
    plan_.Reload(id, std::move(done));
  }
  void Flush() override {}
  LogOfRun Log(const ServiceDefinition&) const override { return {}; }
  std::string Show(const Text& text) const override { return plan_.Show(text); }

  // The process of `name` crashes.
  void Crash(const std::string& name, Generation generation) {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name)
        End(ServiceId{static_cast<uint32_t>(i)}, generation, SIGSEGV);
    }
  }

  std::vector<std::string> log;
  std::set<std::string> running;
  std::function<void(const std::string&)> on_probe;

 private:
  void Report(Event event) {
    loop_.Post([this, event = std::move(event)] { handler_(event); });
  }
  void End(ServiceId id, Generation generation, int signal) {
    if (running.erase(names_[Index(id)]) == 0) return;
    Report(Exited{.id = id,
                  .generation = generation,
                  .result = ExitResult::Signaled(signal)});
    Report(Drained{.id = id, .generation = generation});
  }

  Loop& loop_;
  PlanBackend plan_;
  std::function<void(Event)> handler_;
  std::vector<std::string> names_;
  std::vector<std::string> programs_;
};

Command CommandOf(std::string behaviour) {
  return Command{.program = Program::Built(std::move(behaviour))};
}

Task<HttpUrl> StartOne(Nursery& nursery, std::string name,
                       std::string behaviour = "works",
                       std::vector<HttpUrl> needs = {}) {
  Service service = nursery.NewService(name);
  HttpUrl url = service.Listen<HttpUrl>();
  Command command = CommandOf(behaviour);
  for (const HttpUrl& need : needs) command.arguments.push_back(need);
  co_await service.Start(std::move(command));
  co_return url;
}

class NurseryTest : public testing::Test {
 protected:
  // Runs `body`; when everything is ready, `when_ready` is called, which stops
  // the environment by default.
  absl::Status Run(EnvironmentRun::Body body,
                   std::function<void()> when_ready = nullptr,
                   RuntimeOptions options = {}) {
    Runtime runtime(loop_, backend_, std::move(options));
    runtime_ = &runtime;
    std::optional<absl::Status> ended;
    EnvironmentRun run(
        runtime, std::move(body),
        {.ready =
             [&] {
               was_ready_ = true;
               when_ready ? when_ready() : run_->Stop();
             },
         .ended = [&](absl::Status status) { ended = std::move(status); }});
    run_ = &run;
    run.Start();
    loop_.RunUntil([&] { return ended.has_value(); });
    EXPECT_EQ(backend_.running, std::set<std::string>())
        << "something was left running";
    return *ended;
  }

  using Log = std::vector<std::string>;

  Loop loop_;
  ScriptedBackend backend_{loop_};
  Runtime* runtime_ = nullptr;
  EnvironmentRun* run_ = nullptr;
  bool was_ready_ = false;
};

TEST_F(NurseryTest, StartsInTheOrderOfNeedsAndStopsInReverse) {
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              HttpUrl a = co_await StartOne(nursery, "a");
              HttpUrl b = co_await StartOne(nursery, "b", "works", {a});
              co_await StartOne(nursery, "c", "works", {b, a});
            }),
            absl::OkStatus());
  EXPECT_EQ(backend_.log, (Log{"spawn a", "spawn b", "spawn c", "stop c",
                               "stop b", "stop a"}));
}

TEST_F(NurseryTest, AnEmptyEnvironmentStartsAndStops) {
  EXPECT_EQ(Run([](Nursery&) -> Task<void> { co_return; }), absl::OkStatus());
  EXPECT_TRUE(was_ready_);
}

TEST_F(NurseryTest, AFailedStartEndsTheEnvironmentWithTheReason) {
  absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    co_await StartOne(nursery, "a");
    co_await StartOne(nursery, "b", "missing");
    co_await StartOne(nursery, "never");
  });
  EXPECT_TRUE(absl::StrContains(status.message(), "b")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "No such file or directory"))
      << status;
  EXPECT_EQ(backend_.log, (Log{"spawn a", "spawn b", "stop a"}));
  EXPECT_FALSE(was_ready_);
}

TEST_F(NurseryTest, TryGoesOnWithoutTheServiceThatFailed) {
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              absl::StatusOr<HttpUrl> missing =
                  co_await Try(StartOne(nursery, "missing", "missing"));
              EXPECT_FALSE(missing.ok());
              co_await StartOne(nursery, "a");
            }),
            absl::OkStatus());
  EXPECT_TRUE(was_ready_);
  EXPECT_EQ(backend_.log, (Log{"spawn missing", "spawn a", "stop a"}));
}

TEST_F(NurseryTest, WhenOneOfSeveralFailsTheOthersAreStoppedFirst) {
  absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    absl::Status all = (co_await Try(All(StartOne(nursery, "hangs", "hangs"),
                                         StartOne(nursery, "a"),
                                         StartOne(nursery, "b", "missing"))))
                           .status();
    EXPECT_TRUE(absl::StrContains(all.message(), "b")) << all;
  });
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_EQ(std::set<std::string>(backend_.log.begin(), backend_.log.end()),
            (std::set<std::string>{"spawn hangs", "spawn a", "spawn b",
                                   "stop hangs", "stop a"}));
}

TEST_F(NurseryTest, EveryStartThatFailsIsReported) {
  const absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    co_await All(StartOne(nursery, "hangs", "hangs"),
                 StartOne(nursery, "one", "missing"),
                 StartOne(nursery, "two", "missing"),
                 StartOne(nursery, "three", "missing"));
  });
  EXPECT_EQ(std::string(status.message()),
            "one cannot be started: opening the program: No such file or "
            "directory\nand: two cannot be started: opening the program: No "
            "such file or directory\nand: three cannot be started: opening the "
            "program: No such file or directory");
}

TEST_F(NurseryTest, WhatTheFunctionSaysIsAddedToWhyItWasEnded) {
  backend_.on_probe = [&](const std::string& name) {
    if (name == "hangs") loop_.Post([&] { backend_.Crash("a", 1); });
  };
  const absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    Service service = nursery.NewService("a");
    Command command = CommandOf("works");
    command.restart.when = RestartWhen::kNever;
    co_await service.Start(std::move(command));
    (co_await Try(StartOne(nursery, "hangs", "hangs"))).IgnoreError();
    co_await absl::InternalError("could not tidy up");
  });
  EXPECT_EQ(std::string(status.message()),
            "a failed: killed by SIGSEGV\nand: could not tidy up");
}

TEST_F(NurseryTest, AStopWhileSomethingStartsCancelsIt) {
  backend_.on_probe = [&](const std::string& name) {
    if (name == "hangs") loop_.Post([&] { run_->Stop(); });
  };
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              co_await StartOne(nursery, "a");
              co_await StartOne(nursery, "hangs", "hangs");
            }),
            absl::OkStatus());
  EXPECT_FALSE(was_ready_);
  EXPECT_TRUE(
      absl::StrContains(absl::StrJoin(backend_.log, ","), "stop hangs"));
}

TEST_F(NurseryTest, KillDoesNotWaitForTheStubborn) {
  backend_.on_probe = [&](const std::string&) {
    loop_.Post([&] { run_->Stop(); });
    loop_.Post([&] { run_->Kill(); });
  };
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              co_await StartOne(nursery, "a", "stubborn");
            }),
            absl::OkStatus());
  EXPECT_EQ(backend_.log, (Log{"spawn a", "stop a", "kill a"}));
}

TEST_F(NurseryTest, AServiceThatCrashesAlwaysEndsTheEnvironmentAfterFiveRuns) {
  backend_.on_probe = [&](const std::string& name) {
    if (name != "crashes") return;
    const Generation generation =
        runtime_->engine().CurrentGeneration(runtime_->Find("crashes")->id);
    loop_.Post([this, generation] { backend_.Crash("crashes", generation); });
  };
  absl::Status status = Run(
      [](Nursery& nursery) -> Task<void> {
        co_await StartOne(nursery, "a");
        Service service = nursery.NewService("crashes");
        Command command = CommandOf("works");
        // No pauses: this test is not about them.
        command.restart.ready_for_reset = absl::ZeroDuration();
        command.restart.initial_delay = command.restart.max_delay =
            absl::ZeroDuration();
        co_await service.Start(std::move(command));
      },
      [] {});
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(absl::StrContains(status.message(), "crashes")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "5")) << status;
  EXPECT_EQ(
      std::count(backend_.log.begin(), backend_.log.end(), "spawn crashes"), 5);
  EXPECT_EQ(backend_.log.back(), "stop a");
}

TEST_F(NurseryTest, ANameMayBeUsedOnce) {
  absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    co_await StartOne(nursery, "a");
    co_await StartOne(nursery, "a");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(absl::StrContains(status.message(), "two services are named 'a'"))
      << status;
}

TEST_F(NurseryTest, ABadNameIsRefused) {
  for (const char* name : {"", "Links", "a b", "a/b", "a.b", "shared"}) {
    absl::Status status = Run([name](Nursery& nursery) -> Task<void> {
      co_await StartOne(nursery, name);
    });
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(NurseryTest, AnEndpointThatCannotBeHadFailsTheStart) {
  absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    Service service = nursery.NewService("a");
    service.Reserve<HttpUrl>();
    co_await service.Start(CommandOf("works"));
  });
  EXPECT_TRUE(absl::StrContains(status.message(), "no port is left")) << status;
  EXPECT_EQ(backend_.log, Log{});
}

TEST_F(NurseryTest, AnExternalServiceIsProbedAndNeverRun) {
  std::string seen;
  EXPECT_EQ(Run(
                [&](Nursery& nursery) -> Task<void> {
                  HttpUrl a = co_await StartOne(nursery, "a");
                  seen = Resolve(a);
                  co_await StartOne(nursery, "b", "works", {a});
                },
                nullptr, {.external = {{"a", "http://127.0.0.1:4711/"}}}),
            absl::OkStatus());
  EXPECT_EQ(seen, "http://127.0.0.1:4711");
  EXPECT_EQ(backend_.log, (Log{"spawn b", "stop b"}));
}

TEST_F(NurseryTest, AnExternalAddressMustBeOne) {
  for (const char* address :
       {"x", "http://", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", ":80"}) {
    absl::Status status = Run(
        [](Nursery& nursery) -> Task<void> { co_await StartOne(nursery, "a"); },
        nullptr, {.external = {{"a", address}}});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << address << ": " << status;
  }
}

TEST_F(NurseryTest, GroupsNestNamesAndStopWithTheirBody) {
  absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    HttpUrl outer = co_await StartOne(nursery, "a");
    HttpUrl inner = co_await nursery.Group<HttpUrl>(
        "shop", Strategy::kOneForOne, [outer](Nursery& shop) -> Task<HttpUrl> {
          co_return co_await StartOne(shop, "a", "works", {outer});
        });
    EXPECT_EQ(inner.service(), "shop/a");
    absl::StatusOr<int> failed = co_await Try(
        nursery.Group<int>("bad", Strategy::kOneForOne,
                           [](Nursery& bad) -> Task<int> {
                             co_await StartOne(bad, "b");
                             co_return absl::InternalError("the body failed");
                           },
                           {.restart = {.when = RestartWhen::kNever}}));
    EXPECT_EQ(failed.status(), absl::InternalError("the body failed"));
  });
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_EQ(backend_.log, (Log{"spawn a", "spawn shop/a", "spawn bad/b",
                               "stop bad/b", "stop shop/a", "stop a"}));
}

// Given a service which it uses, or forgets.
Task<HttpUrl> StartUser(Nursery& nursery, std::optional<HttpUrl> need,
                        bool uses) {
  std::vector<HttpUrl> needs;
  if (uses) needs.push_back(*need);
  co_return co_await StartOne(nursery, "user", "works", needs);
}

TEST_F(NurseryTest, ANeedThatIsGivenAndNotUsedIsAnError) {
  const absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    HttpUrl store = co_await StartOne(nursery, "store");
    co_await StartUser(nursery, store, /*uses=*/false);
  });
  EXPECT_FALSE(was_ready_);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "'user' is given 'store' and does not use it"))
      << status;
}

TEST_F(NurseryTest, ANeedThatIsGivenAndUsedIsNone) {
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              HttpUrl store = co_await StartOne(nursery, "store");
              co_await StartUser(nursery, store, /*uses=*/true);
            }),
            absl::OkStatus());
}

TEST_F(NurseryTest, AnOptionalNeedThatIsNotGivenNeedsNoUse) {
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              co_await StartUser(nursery, std::nullopt, false);
            }),
            absl::OkStatus());
}

TEST_F(NurseryTest, ANeedThatIsPassedOnInTheResultIsUsed) {
  EXPECT_EQ(Run([](Nursery& nursery) -> Task<void> {
              HttpUrl store = co_await StartOne(nursery, "store");
              co_await [](Nursery& inner, HttpUrl given) -> Task<HttpUrl> {
                co_await StartOne(inner, "user");
                co_return given;
              }(nursery, store);
            }),
            absl::OkStatus());
}

HttpUrl ForeignStore() {
  return EndpointAccess::Make<HttpUrl>(
      {.service = "store", .name = "url", .host = "127.0.0.1", .port = "4242"});
}

TEST_F(NurseryTest, AHandleOfAnotherEnvironmentIsRefused) {
  const absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    co_await StartOne(nursery, "user", "works", {ForeignStore()});
  });
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "'user' uses the service 'store', which is not "
                                "part of this environment"))
      << status;
}

TEST_F(NurseryTest, AHandleOfAnotherEnvironmentIsToldFromOneOfTheSameName) {
  const absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    co_await StartOne(nursery, "store");
    co_await StartOne(nursery, "user", "works", {ForeignStore()});
  });
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(absl::StrContains(
      status.message(),
      "'user' uses 'http://127.0.0.1:4242' as an address of 'store'"))
      << status;
}

TEST_F(NurseryTest, AHandleOutOfANurseryThatFailedIsRefused) {
  const absl::Status status = Run([](Nursery& nursery) -> Task<void> {
    std::optional<HttpUrl> leaked;
    absl::Status failed = co_await Try(
        nursery.Group<void>("bad", Strategy::kOneForOne,
                            [&leaked](Nursery& bad) -> Task<void> {
                              leaked = co_await StartOne(bad, "store");
                              co_await absl::InternalError("the body failed");
                            },
                            {.restart = {.when = RestartWhen::kNever}}));
    EXPECT_EQ(failed, absl::InternalError("the body failed"));
    co_await StartOne(nursery, "user", "works", {*leaked});
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(
      status.message(), "'user' uses 'bad/store', which has been stopped"))
      << status;
}

}  // namespace
}  // namespace espalier
