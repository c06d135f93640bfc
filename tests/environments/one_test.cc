// The environment `one`: real servers, real kills.

#include "environments/one.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/common/testing/http_client.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using OneEnvironment = TestEnvironment<OneSite>;

constexpr const char* kServices[] = {"postgres", "redis", "links", "gateway",
                                     "nginx"};

absl::StatusOr<std::unique_ptr<OneEnvironment>> StartOne() {
  return OneEnvironment::Start("one", [](Nursery& nursery) -> Task<OneSite> {
    co_return co_await One(nursery, {});
  });
}

int PortOf(const HttpUrl& url) {
  const std::string text = Resolve(url);
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text.substr(text.rfind(':') + 1), &port));
  return port;
}

HttpAnswer Make(int port, const std::string& target) {
  return HttpCall(port, "POST", "/links",
                  absl::StrCat("{\"url\":\"", target, "\"}"));
}

std::string CodeIn(const HttpAnswer& answer) {
  return nlohmann::json::parse(answer.body, nullptr, false)
      .value("code", std::string());
}

// Where a code leads; empty if it was not told.
std::string Follow(int port, const std::string& code) {
  HttpAnswer answer = HttpCall(port, "GET", absl::StrCat("/", code));
  return answer.status == 302 ? answer.headers["location"] : "";
}

// Makes links, one after the other, until it is destroyed, and remembers those
// that were acknowledged.
class Load {
 public:
  explicit Load(int port)
      : thread_([this, port] {
          for (int i = 0; !stop_; ++i) {
            const std::string target = absl::StrCat("https://example.com/", i);
            const HttpAnswer answer = Make(port, target);
            if (answer.status != 201) continue;
            absl::MutexLock lock(&mutex_);
            acknowledged_.emplace_back(CodeIn(answer), target);
          }
        }) {}
  ~Load() { Stop(); }

  // Blocks until `count` more were acknowledged.
  void AwaitMore(size_t count) {
    absl::MutexLock lock(&mutex_);
    const size_t wanted = acknowledged_.size() + count;
    const auto enough = [&] { return acknowledged_.size() >= wanted; };
    mutex_.Await(absl::Condition(&enough));
  }

  std::vector<std::pair<std::string, std::string>> Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return acknowledged_;
  }

 private:
  std::atomic<bool> stop_ = false;
  absl::Mutex mutex_;
  std::vector<std::pair<std::string, std::string>> acknowledged_;
  std::thread thread_;
};

TEST(OneTest, ALinkIsMadeFollowedAndRememberedByTheCache) {
  auto one = StartOne();
  ASSERT_TRUE(one.ok()) << one.status();
  const int port = PortOf((*one)->handles().front.url);
  const HttpAnswer made = Make(port, "https://example.com/long");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string code = CodeIn(made);
  EXPECT_EQ(Follow(port, code), "https://example.com/long");
  // The cache answers when the links cannot.
  (*one)->Signal("links", SIGSTOP);
  EXPECT_EQ(Follow(port, code), "https://example.com/long");
  (*one)->Signal("links", SIGCONT);
  EXPECT_EQ((*one)->Stop(), absl::OkStatus());
}

TEST(OneTest, KillsLoseNoAcknowledgedLinkAndChangeNoUrl) {
  auto one = StartOne();
  ASSERT_TRUE(one.ok()) << one.status();
  const int port = PortOf((*one)->handles().front.url);
  Load load(port);
  for (const char* service : kServices) {
    auto restarted = (*one)->KillAndAwaitRestart(service);
    ASSERT_TRUE(restarted.ok()) << service << ": " << restarted.status();
    load.AwaitMore(3);
  }
  std::vector<Generation> before;
  for (const char* service : kServices)
    before.push_back((*one)->Get(service).generation);
  for (const char* service : kServices) (*one)->Signal(service, SIGKILL);
  for (size_t i = 0; i < before.size(); ++i) {
    auto again =
        (*one)->WaitFor(kServices[i], [&](const OneEnvironment::Service& now) {
          return now.generation > before[i] &&
                 now.state == ServiceState::kReady;
        });
    ASSERT_TRUE(again.ok()) << kServices[i] << ": " << again.status();
  }
  load.AwaitMore(3);
  for (const auto& [code, target] : load.Stop())
    EXPECT_EQ(Follow(port, code), target) << code;
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(OneTest, OnlyPrivateFilesHoldThePassword) {
  auto one = StartOne();
  ASSERT_TRUE(one.ok()) << one.status();
  const fs::path state = (*one)->state_directory();
  const std::string password = ReadAll(state / "secrets/postgres.password");
  ASSERT_EQ(password.size(), 32u);
  std::error_code gone;
  for (const auto& process : fs::directory_iterator("/proc")) {
    for (const char* file : {"cmdline", "environ"}) {
      // Our own memory holds it by now, but not what others can see of us.
      EXPECT_FALSE(absl::StrContains(ReadAll(process.path() / file), password))
          << process.path() << " " << file;
    }
  }
  const fs::path run =
      fs::path(Resolve((*one)->handles().store.url).substr(20)).parent_path();
  for (const fs::path& root : {state, run}) {
    for (const auto& entry : fs::recursive_directory_iterator(root, gone)) {
      if (!entry.is_regular_file(gone) ||
          !absl::StrContains(ReadAll(entry.path()), password))
        continue;
      EXPECT_EQ(fs::status(entry.path()).permissions(), fs::perms(0600))
          << entry.path();
      EXPECT_FALSE(absl::StrContains(entry.path().string(), "/logs/"))
          << entry.path();
    }
  }
}

}  // namespace
}  // namespace espalier
