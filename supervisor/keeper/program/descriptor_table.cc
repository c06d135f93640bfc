#include "supervisor/keeper/program/descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace espalier::keeper {
namespace {

// For 10,000 services in strict mode, with room to spare: 256 KiB.
constexpr rlim_t kSlots = 32768;

}  // namespace

std::optional<ResourceLimit> RaiseDescriptorLimit() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return std::nullopt;
  const ResourceLimit before = {.resource = RLIMIT_NOFILE,
                                .soft = files.rlim_cur,
                                .hard = files.rlim_max};
  if (files.rlim_cur == files.rlim_max) return std::nullopt;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) return std::nullopt;
  return before;
}

void GrowDescriptorTable() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == 0) return;
  const int last = static_cast<int>(std::min(files.rlim_cur, kSlots)) - 1;
  // The table stays as large when it is closed.
  const int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, last);
  if (fd >= 0) close(fd);
}

}  // namespace espalier::keeper
