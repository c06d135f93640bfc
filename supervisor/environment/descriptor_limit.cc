#include "supervisor/environment/descriptor_limit.h"

#include <sys/resource.h>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// Beside those of services that run: what starts meanwhile, clients, logs that
// are read, libraries.
constexpr uint64_t kReserve = 600;

}  // namespace

absl::Status CheckDescriptors(const Plan& plan, uint64_t hard_limit) {
  uint64_t needed = kReserve;
  for (const Plan::Service& service : plan.services) {
    needed += static_cast<uint64_t>(service.descriptors);
  }
  // Few enough are a matter of luck rather than of the limit.
  if (plan.services.size() < kReserve || needed <= hard_limit) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(plan.services.size(), " services need ", needed,
                   " open descriptors, and at most ", hard_limit,
                   " are allowed; raise the hard limit (ulimit -Hn ", needed,
                   " as root, LimitNOFILE=", needed, " in a systemd unit)"));
}

uint64_t HardDescriptorLimit() {
  rlimit files;
  return getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_max : UINT64_MAX;
}

void RaiseDescriptorLimit() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace espalier
