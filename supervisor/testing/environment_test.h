#ifndef ESPALIER_SUPERVISOR_TESTING_ENVIRONMENT_TEST_H_
#define ESPALIER_SUPERVISOR_TESTING_ENVIRONMENT_TEST_H_

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "gtest/gtest.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {

// An environment in one line, ready when the line is over. What cannot be
// started fails the test, and gives null.
//
//   auto links = StartForTest(
//       [](Nursery& nursery) -> Task<Links<HttpUrl>> {
//         co_return co_await StartLinks<HttpUrl>(nursery, {});
//       });
//   ASSERT_NE(links, nullptr);
template <typename Function>
auto StartForTest(Function function, std::string name = "test") {
  using Started = std::invoke_result_t<Function&, Nursery&>;
  using Handles = typename Started::value_type;
  absl::StatusOr<std::unique_ptr<TestEnvironment<Handles>>> environment =
      TestEnvironment<Handles>::Start(name, std::move(function));
  if (environment.ok()) return *std::move(environment);
  ADD_FAILURE() << environment.status().message();
  return std::unique_ptr<TestEnvironment<Handles>>();
}

// A fixture whose tests have an environment each, as `handles()` and
// `environment()`:
//
//   class TwoTest : public EnvironmentTest<TwoTest, TwoSite> {
//    public:
//     static Task<TwoSite> Start(Nursery& nursery) {
//       co_return co_await Two(nursery, {});
//     }
//   };
//   TEST_F(TwoTest, FollowsLinks) { … Resolve(handles().gateway.url) … }
//
// `Derived` may name the environment: static constexpr char kName[] = "two";
template <typename Derived, typename Handles>
class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    environment_ = StartForTest(&Derived::Start, Name());
    ASSERT_NE(environment_, nullptr);
  }

  const Handles& handles() const { return environment_->handles(); }
  TestEnvironment<Handles>& environment() { return *environment_; }

 private:
  template <typename, typename>
  friend class EnvironmentTestSuite;

  static std::string Name() {
    if constexpr (requires { Derived::kName; }) {
      return Derived::kName;
    } else {
      return "test";
    }
  }

  std::unique_ptr<TestEnvironment<Handles>> environment_;
};

// The same with one environment for all tests of the suite, which is stopped
// after the last one. For what takes long to start. A test that fails shows the
// services as they are at its end; a TearDown() of `Derived` calls this one.
template <typename Derived, typename Handles>
class EnvironmentTestSuite : public testing::Test {
 public:
  static void SetUpTestSuite() {
    environment_ = StartForTest(&Derived::Start,
                                EnvironmentTest<Derived, Handles>::Name());
  }
  static void TearDownTestSuite() { environment_.reset(); }

 protected:
  void SetUp() override { ASSERT_NE(environment_, nullptr); }
  void TearDown() override {
    if (HasFailure() && environment_ != nullptr) environment_->Show();
  }

  const Handles& handles() const { return environment_->handles(); }
  TestEnvironment<Handles>& environment() { return *environment_; }

 private:
  static inline std::unique_ptr<TestEnvironment<Handles>> environment_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_ENVIRONMENT_TEST_H_
