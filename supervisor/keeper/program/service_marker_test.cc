#include "supervisor/keeper/program/service_marker.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

const ServiceMarker kMarker("0123456789abcdef0123456789abcdef");

// A child that carries the limit of a run.
class Marked {
 public:
  explicit Marked(const ResourceLimit& limit) {
    pid_ = fork();
    if (pid_ == 0) {
      const rlimit value = {limit.soft, limit.hard};
      setrlimit(RLIMIT_LOCKS, &value);
      raise(SIGSTOP);
      _exit(0);
    }
    waitpid(pid_, nullptr, WUNTRACED);
  }
  ~Marked() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(ServiceMarkerTest, IsFoundInTheLimit) {
  for (const uint32_t id : {0u, 7u, kMaxId}) {
    for (const uint64_t generation : {uint64_t{1}, uint64_t{4096 + 5}}) {
      const auto limit = kMarker.Limit(id, generation);
      ASSERT_TRUE(limit.has_value());
      EXPECT_NE(limit->soft, RLIM_INFINITY);
      const Marked child(*limit);
      EXPECT_EQ(kMarker.Find(child.pid()), RunOf(id, generation));
      EXPECT_NE(kMarker.Find(child.pid()), RunOf(id, generation + 1));
    }
  }
}

TEST(ServiceMarkerTest, OthersAreNotOurs) {
  EXPECT_EQ(kMarker.Find(getpid()), std::nullopt);
  const ServiceMarker other("1123456789abcdef0123456789abcdef");
  const Marked child(*other.Limit(1, 1));
  EXPECT_EQ(kMarker.Find(child.pid()), std::nullopt);
  EXPECT_EQ(other.Find(child.pid()), RunOf(1, 1));
}

TEST(ServiceMarkerTest, TheEnvironmentSaysWhatPeopleLookFor) {
  EXPECT_EQ(kMarker.EnvironmentEntry(3, 12),
            "ESPALIER_SERVICE=0123456789abcdef0123456789abcdef/3/12");
}

TEST(ServiceMarkerTest, ReadsTheLimitsOfOthers) {
  const std::string limits =
      "Limit                     Soft Limit           Hard Limit           "
      "Units     \n"
      "Max cpu time              unlimited            unlimited            "
      "seconds   \n"
      "Max file locks            81985529216486895    unlimited            "
      "locks     \n";
  EXPECT_EQ(ParseLocksLimit(limits), 81985529216486895u);
  EXPECT_EQ(ParseLocksLimit("Max file locks            unlimited"),
            std::nullopt);
  EXPECT_EQ(ParseLocksLimit("Max file locks"), std::nullopt);
  EXPECT_EQ(ParseLocksLimit(""), std::nullopt);
}

}  // namespace
}  // namespace espalier::keeper
