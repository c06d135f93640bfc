#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_PRESSURE_WATCH_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_PRESSURE_WATCH_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/engine/pressure.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// Tells when the machine is short of processor, memory or disk, and when that
// is over. The kernel wakes it when the pressure gets high (a trigger in
// /proc/pressure); from then on it looks every `interval` until the pressure is
// low again. Otherwise nothing runs. The loop's thread only.
class PressureWatch {
 public:
  struct Options {
    std::string directory = "/proc/pressure";
    // Where it begins to be of interest, and where it ends to be.
    double high = kHighPressure;
    double low = kLowPressure;
    // The share of time is that within the window. Without privileges the
    // kernel takes multiples of 2 s only, and 10 s at most.
    absl::Duration window = absl::Seconds(10);
    absl::Duration interval = absl::Seconds(2);
  };

  // Calls `changed` with the greatest share of time, from 0 to 1, in which
  // something had to wait; the first time with `high` at least, the last time
  // with less than `low`. `loop` must outlive this.
  PressureWatch(Loop& loop, Options options,
                std::function<void(double stalled)> changed);
  PressureWatch(const PressureWatch&) = delete;
  PressureWatch& operator=(const PressureWatch&) = delete;

  // OK if the kernel tells of at least one of the three; otherwise why not, and
  // nothing is ever told.
  const absl::Status& status() const { return status_; }

 private:
  absl::Status Watch(const std::string& file);
  void Measure();
  double Share() const;

  Loop& loop_;
  const Options options_;
  const std::function<void(double)> changed_;
  absl::Status status_;
  // The triggers say POLLPRI, of which the loop knows nothing; so they are in
  // an epoll set, which the loop watches.
  UniqueFd epoll_;
  std::vector<UniqueFd> triggers_;
  Loop::Watch fired_;
  Loop::Watch timer_;
};

// The share of the last ten seconds in a file of /proc/pressure: "some
// avg10=12.34 …" is 0.1234. Nothing if that is not there.
std::optional<double> PressureShare(absl::string_view text);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_PRESSURE_WATCH_H_
