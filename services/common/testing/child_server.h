#ifndef ESPALIER_SERVICES_COMMON_TESTING_CHILD_SERVER_H_
#define ESPALIER_SERVICES_COMMON_TESTING_CHILD_SERVER_H_

#include <string>
#include <vector>

#include "services/common/listener.h"

namespace espalier {

// A server as a child process of a test, which ends with the test, whatever
// happens to that.
class ChildServer {
 public:
  // Starts `program`, a path relative to the working directory, which passes
  // `listener` on to it unless that is null. What it prints on stderr goes to
  // `stderr_path`, or to the test's own when that is empty.
  ChildServer(const std::string& program, std::vector<std::string> arguments,
              const Listener* listener, const std::string& stderr_path = "");
  ChildServer(const ChildServer&) = delete;
  ChildServer& operator=(const ChildServer&) = delete;
  // Kills it, and waits for its end.
  ~ChildServer();

  void Signal(int signal);

  // Waits for its end: its exit code, or 128 + the signal that ended it.
  int Wait();

 private:
  int pid_;
};

// A listener on a free port of 127.0.0.1, for servers under test.
Listener TestListener();

// Runs `program` until it ends: its exit code, and in `errors` what it printed
// on stderr.
int RunProgram(const std::string& program, std::vector<std::string> arguments,
               std::string& errors);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_TESTING_CHILD_SERVER_H_
