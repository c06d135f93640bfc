// When the machine counts as short of something, and what is done less then.
#ifndef SUPERVISOR_ENGINE_PRESSURE_H_
#define SUPERVISOR_ENGINE_PRESSURE_H_

#include "absl/time/time.h"

namespace espalier {

// The machine counts as short of something from the one share of time on, until
// the share is below the other; see PressureChanged.
inline constexpr double kHighPressure = 0.8;
inline constexpr double kLowPressure = 0.5;
// While it is, so many services at most are started at a time, and within this
// time one at most is stopped for being slow.
inline constexpr int kMaxStartingUnderPressure = 2;
inline constexpr absl::Duration kPauseUnderPressure = absl::Seconds(10);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_PRESSURE_H_
