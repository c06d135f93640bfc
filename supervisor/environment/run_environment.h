#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_RUN_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_RUN_ENVIRONMENT_H_

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/strings/string_view.h"
#include "supervisor/environment/environment_body.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"

namespace espalier {

// The whole of an environment's main(): parses the command line (its own flags
// and those of `--help`), checks the wiring on paper, then starts the
// environment, shows its progress, watches it, and stops it in reverse order on
// Ctrl-C or SIGTERM. Returns the exit code: 0 after a stop that was asked for,
// 1 if the environment could not be started or kept running, 2 for a wrong
// command line.
//
// `make_body` is called once, after the flags have been parsed. `description`
// is the first thing `--help` says.
int RunEnvironmentBody(int argc, char** argv, absl::string_view name,
                       absl::string_view description,
                       const std::function<EnvironmentBody()>& make_body);

// The same for a function Task<Handles> Two(Nursery&, const TwoOptions&);
// `options_from_flags` fills the options from the environment's own flags.
// Other programs can Attach() to `Handles` if it is a handle itself.
//
//   int main(int argc, char** argv) {
//     return RunEnvironment(argc, argv, "two", "Short links, twice.", Two,
//     OptionsFromFlags);
//   }
template <typename Handles, typename Options>
int RunEnvironment(int argc, char** argv, absl::string_view name,
                   absl::string_view description,
                   Task<Handles> (*environment)(Nursery&, const Options&),
                   Options (*options_from_flags)()) {
  return RunEnvironmentBody(
      argc, argv, name, description, [=]() -> EnvironmentBody {
        return [environment, options = options_from_flags()](
                   Nursery& nursery) -> Task<void> {
          const Handles handles = co_await environment(nursery, options);
          if constexpr (Handle<Handles>) {
            nursery.Publish(handles.ToHandleData());
          }
        };
      });
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_RUN_ENVIRONMENT_H_
