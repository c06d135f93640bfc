#ifndef ESPALIER_SUPERVISOR_TESTING_HYGIENE_H_
#define ESPALIER_SUPERVISOR_TESTING_HYGIENE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"

namespace espalier {

// What every service owes: starts what `function` starts, sees each of it
// ready (a one-shot: done), stops it, and looks for what is left. Each thing
// that is not as it should be is a sentence; empty if all is well:
//
//   - it did not become ready, or something failed while it was stopped;
//   - a process had to be killed because it did not end when asked;
//   - a process, a listening port, a named socket or a file is left, where
//     files count in the test's temporary directory, the services' and their
//     run-time directory. Data and logs of the instance are not counted: they
//     are kept on purpose, and the test's are removed.
//
// If there are any, all logs are kept in $TEST_UNDECLARED_OUTPUTS_DIR. The
// Bazel macro service() makes a test of it. Blocks; one thread.
std::vector<std::string> HygieneProblems(
    absl::string_view name, TaskFunction<Task<void>(Nursery&)> function);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_HYGIENE_H_
