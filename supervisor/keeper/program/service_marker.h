// ServiceMarker: what tells, of any process, which run of which service it came
// from, however often it has forked since.
//
// It is written twice. In the initial environment, where people find it, and
// which a process loses that clears its environment before an exec, or that
// overwrites it to show a title (PostgreSQL's do); and which not even root may
// read in a container without CAP_SYS_PTRACE. And as the soft limit
// RLIMIT_LOCKS, which has had no effect since Linux 2.4.25 (setrlimit(2)): it
// is inherited, survives exec, a change of user and a cleared environment, and
// /proc/PID/limits shows it to everybody.
#ifndef SUPERVISOR_KEEPER_PROGRAM_SERVICE_MARKER_H_
#define SUPERVISOR_KEEPER_PROGRAM_SERVICE_MARKER_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

// A run of a service; of its generation only so much as tells it from the runs
// just before.
struct ServiceRun {
  uint32_t id = 0;
  uint32_t generation = 0;
  bool operator==(const ServiceRun&) const = default;
};
ServiceRun RunOf(uint32_t id, uint64_t generation);

class ServiceMarker {
 public:
  // `token` is the instance's: hexadecimal digits, kTokenDigits or more.
  explicit ServiceMarker(std::string token);

  const std::string& token() const { return token_; }

  // The entry in the environment of a new run.
  std::string EnvironmentEntry(uint32_t id, uint64_t generation) const;
  // The limit of a new run; nothing if our own hard limit leaves no room.
  std::optional<ResourceLimit> Limit(uint32_t id, uint64_t generation) const;

  // The run of this instance that a process came from; nothing if it carries no
  // marker that may be read, or another instance's.
  std::optional<ServiceRun> Find(pid_t pid) const;

  static constexpr size_t kTokenDigits = 8;

 private:
  std::optional<ServiceRun> FindInEnvironment(pid_t pid) const;

  const std::string token_;
  const uint64_t token_bits_;
  const bool has_limit_;
};

// The soft limit in what /proc/PID/limits holds; nothing if there is none.
std::optional<uint64_t> ParseLocksLimit(std::string_view limits);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_SERVICE_MARKER_H_
