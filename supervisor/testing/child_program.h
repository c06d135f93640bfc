#ifndef ESPALIER_SUPERVISOR_TESTING_CHILD_PROGRAM_H_
#define ESPALIER_SUPERVISOR_TESTING_CHILD_PROGRAM_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace espalier {

// A program that a test runs from outside, as a person would: arguments in,
// output and exit code out. Killed at the end if it still runs. One thread.
class ChildProgram {
 public:
  struct Options {
    std::string directory = {};                 // "" is the test's own
    std::vector<std::string> environment = {};  // NAME=value, beside the test's
    std::vector<std::string> unset = {};        // names of what is left out
    std::optional<uid_t> user = std::nullopt;   // only root can
    bool own_process_group = false;
  };

  // Starts it; `command` begins with the program's path. A program that cannot
  // be started ends with exit code 127.
  explicit ChildProgram(std::vector<std::string> command);
  ChildProgram(std::vector<std::string> command, const Options& options);
  ~ChildProgram();
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;

  // Blocks until stdout and stderr, taken together, contain `text`; false if
  // they end without it.
  bool AwaitOutput(absl::string_view text);

  // Blocks until it has ended and nobody holds its output any more. The exit
  // code, or minus the signal that ended it.
  int Wait();

  void Signal(int signal);

  // What it has printed, as far as it has been read by the calls above.
  const std::string& output() const { return output_; }
  pid_t pid() const { return pid_; }

 private:
  bool ReadMore();

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string output_;
  std::optional<int> exit_;
};

// A process that somebody else started, and whose end a test awaits. Never
// mixes it up with a later one of the same number.
class ProcessWatch {
 public:
  explicit ProcessWatch(pid_t pid);
  ~ProcessWatch();
  ProcessWatch(ProcessWatch&& other) noexcept;
  ProcessWatch(const ProcessWatch&) = delete;

  // Blocks until it has ended.
  void AwaitEnd() const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  int pidfd_;
};

// The process and everything that descends from it now.
std::vector<ProcessWatch> WatchTree(pid_t root);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_CHILD_PROGRAM_H_
