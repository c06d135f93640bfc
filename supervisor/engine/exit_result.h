// How a process ended. It is a result, not an error of ours: absl::Status is
// for those.
#ifndef SUPERVISOR_ENGINE_EXIT_RESULT_H_
#define SUPERVISOR_ENGINE_EXIT_RESULT_H_

#include <ostream>
#include <string>

namespace espalier {

// A value: coarse kind, and what the kind needs to be exact.
class ExitResult {
 public:
  enum class Kind {
    kExited,    // It called exit or returned from main; code() tells with what.
    kSignaled,  // A signal ended it; signal() tells which.
    kOomKilled,  // The kernel killed it (or part of its control group) because
                 // memory ran out.
    kLost,  // It is gone and nobody saw how: the keeper, its parent, is gone
            // too.
  };

  static ExitResult Exited(int code) {
    return ExitResult(Kind::kExited, code, false);
  }
  static ExitResult Signaled(int signal, bool core_dumped = false) {
    return ExitResult(Kind::kSignaled, signal, core_dumped);
  }
  static ExitResult OomKilled(int signal) {
    return ExitResult(Kind::kOomKilled, signal, false);
  }
  static ExitResult Lost() { return ExitResult(Kind::kLost, 0, false); }

  // From the status that waitpid() gives of a process that has ended. A stopped
  // or continued process has not ended; its status gives Lost().
  static ExitResult FromWaitStatus(int wait_status);

  Kind kind() const { return kind_; }
  // The exit code, 0 to 255; -1 unless kind() is kExited.
  int code() const { return kind_ == Kind::kExited ? detail_ : -1; }
  // The number of the signal; 0 unless kind() is kSignaled or kOomKilled.
  int signal() const {
    return kind_ == Kind::kSignaled || kind_ == Kind::kOomKilled ? detail_ : 0;
  }
  bool core_dumped() const { return core_dumped_; }
  // Whether it exited with code 0.
  bool success() const { return kind_ == Kind::kExited && detail_ == 0; }

  // For a person: "exit code 1", "killed by SIGSEGV (core dumped)", "killed
  // because memory ran out", "gone without a trace".
  std::string ToString() const;

  friend bool operator==(const ExitResult&, const ExitResult&) = default;

 private:
  ExitResult(Kind kind, int detail, bool core_dumped)
      : kind_(kind), detail_(detail), core_dumped_(core_dumped) {}

  Kind kind_;
  int detail_;
  bool core_dumped_;
};

// "SIGTERM", or "signal 42" for one without a name.
std::string SignalName(int signal);

std::ostream& operator<<(std::ostream& out, const ExitResult& result);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_EXIT_RESULT_H_
