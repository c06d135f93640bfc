#ifndef ESPALIER_SUPERVISOR_TESTING_TEST_DEADLINE_H_
#define ESPALIER_SUPERVISOR_TESTING_TEST_DEADLINE_H_

#include <string>

#include "absl/time/time.h"

namespace espalier {

// When a wait of a test gives up, so that it can be told what was waited for
// before Bazel ends the test: at nine tenths of $TEST_TIMEOUT, in seconds,
// after the tests began. InfiniteFuture() if that is not set, and in programs
// without tests.
absl::Time TestDeadline();

// When what is stopped is killed instead, so that its logs can still be kept: a
// little later.
absl::Time StopDeadline();

// For errors: "until the test's time (TEST_TIMEOUT, 60 s) was nearly over".
std::string UntilTestDeadline();

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_TEST_DEADLINE_H_
