#include "supervisor/keeper/program/service_marker.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

// From the top: one bit of 0, so that it never means "unlimited"; 31 of the
// token, the generation, the id.
constexpr int kIdBits = 20;
constexpr int kGenerationBits = 12;
constexpr int kTokenBits = 31;
static_assert(kMaxId < (1u << kIdBits));
static_assert(kIdBits + kGenerationBits + kTokenBits < 64);

uint64_t TokenBits(std::string_view token) {
  uint64_t bits = 0;
  token = token.substr(0, ServiceMarker::kTokenDigits);
  std::from_chars(token.data(), token.data() + token.size(), bits, 16);
  return bits & ((uint64_t{1} << kTokenBits) - 1);
}

// Those of a process of another user, when we lack the right to ask for them.
std::optional<uint64_t> ReadLocksLimit(pid_t pid) {
  const OwnedFd file(
      open(("/proc/" + Decimal(static_cast<uint64_t>(pid)) + "/limits").c_str(),
           O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  const ssize_t n = file ? read(file.get(), buffer, sizeof buffer) : -1;
  if (n <= 0) return std::nullopt;
  return ParseLocksLimit(std::string_view(buffer, static_cast<size_t>(n)));
}

std::optional<uint64_t> LocksLimitOf(pid_t pid) {
  uint64_t value[2];
  if (syscall(SYS_prlimit64, pid, RLIMIT_LOCKS, nullptr, value) == 0) {
    return value[0];
  }
  return ReadLocksLimit(pid);
}

bool HardLimitLeavesRoom() {
  rlimit own;
  return getrlimit(RLIMIT_LOCKS, &own) == 0 && own.rlim_max == RLIM_INFINITY;
}

}  // namespace

ServiceRun RunOf(uint32_t id, uint64_t generation) {
  constexpr uint64_t kMask = (uint64_t{1} << kGenerationBits) - 1;
  return {.id = id, .generation = static_cast<uint32_t>(generation & kMask)};
}

std::optional<uint64_t> ParseLocksLimit(std::string_view limits) {
  constexpr std::string_view kName = "Max file locks";
  while (!limits.empty()) {
    std::string_view line = TakePiece(&limits, '\n');
    if (!line.starts_with(kName)) continue;
    line.remove_prefix(kName.size());
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    uint64_t value = 0;
    if (TakeNumber(&line, &value)) return value;
    return std::nullopt;
  }
  return std::nullopt;
}

ServiceMarker::ServiceMarker(std::string token)
    : token_(std::move(token)),
      token_bits_(TokenBits(token_)),
      has_limit_(HardLimitLeavesRoom()) {}

std::string ServiceMarker::EnvironmentEntry(uint32_t id,
                                            uint64_t generation) const {
  return std::string(kMarkerVariable) + "=" + token_ + "/" + Decimal(id) + "/" +
         Decimal(generation);
}

std::optional<ResourceLimit> ServiceMarker::Limit(uint32_t id,
                                                  uint64_t generation) const {
  if (!has_limit_) return std::nullopt;
  const ServiceRun run = RunOf(id, generation);
  return ResourceLimit{.resource = RLIMIT_LOCKS,
                       .soft = token_bits_ << (kGenerationBits + kIdBits) |
                               uint64_t{run.generation} << kIdBits | run.id,
                       .hard = RLIM_INFINITY};
}

std::optional<ServiceRun> ServiceMarker::Find(pid_t pid) const {
  const auto limit = LocksLimitOf(pid);
  if (limit.has_value() &&
      *limit >> (kGenerationBits + kIdBits) == token_bits_) {
    return RunOf(*limit & ((1u << kIdBits) - 1), *limit >> kIdBits);
  }
  return FindInEnvironment(pid);
}

std::optional<ServiceRun> ServiceMarker::FindInEnvironment(pid_t pid) const {
  const auto marker = InitialEnvironmentValue(pid, kMarkerVariable);
  const std::string prefix = token_ + "/";
  if (!marker.has_value() || !marker->starts_with(prefix)) return std::nullopt;
  std::string_view rest = std::string_view(*marker).substr(prefix.size());
  uint32_t id = 0;
  uint64_t generation = 0;
  if (!TakeNumber(&rest, &id) || !rest.starts_with('/')) return std::nullopt;
  rest.remove_prefix(1);
  if (!TakeNumber(&rest, &generation) || !rest.empty()) return std::nullopt;
  return RunOf(id, generation);
}

}  // namespace espalier::keeper
