#ifndef ESPALIER_SUPERVISOR_TESTING_SERVICE_MATCHERS_H_
#define ESPALIER_SUPERVISOR_TESTING_SERVICE_MATCHERS_H_

#include "gmock/gmock.h"
#include "supervisor/testing/service_under_test.h"

// What a test expects of a service:
//
//   EXPECT_THAT(two->Get("links"), IsReady());
//   EXPECT_THAT(two->Get("worker"), LastExit(ExitResult::Exited(3)));
//   EXPECT_THAT(two->Get("links"), Log(HasSubstr("serving http2")));
//
// A failure shows the service, why it is in its state, and the end of its log.
namespace espalier {

MATCHER_P(StateIs, state, "") { return arg.state == state; }

MATCHER(IsReady, "") { return arg.state == ServiceState::kReady; }

// How the latest run that has ended did; `matcher` for an ExitResult. Holds for
// no service of an environment that ran before the test, of which that is not
// known.
MATCHER_P(LastExit, matcher, "") {
  if (!arg.last_exit.has_value()) {
    *result_listener << "no run of it has ended, or it is part of an "
                        "environment that ran before the test, of which that "
                        "is not known";
    return false;
  }
  return testing::ExplainMatchResult(matcher, *arg.last_exit, result_listener);
}

// `matcher` for the text of the whole log, as it is now; AwaitLog() of the
// environment waits for what is still to come.
MATCHER_P(Log, matcher, "") {
  return testing::ExplainMatchResult(matcher, ReadLog(arg), result_listener);
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_SERVICE_MATCHERS_H_
