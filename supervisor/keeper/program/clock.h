#ifndef SUPERVISOR_KEEPER_PROGRAM_CLOCK_H_
#define SUPERVISOR_KEEPER_PROGRAM_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace espalier::keeper {

// CLOCK_MONOTONIC.
inline uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_CLOCK_H_
