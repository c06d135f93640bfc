#include "tests/bench/ledger_file.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace espalier {

LedgerFile::LedgerFile(std::string path, uint32_t services)
    : path_(std::move(path)),
      services_(services),
      bytes_(sizeof(Ledger) + services * sizeof(LedgerSlot)) {
  const int fd =
      open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  PCHECK(fd >= 0) << path_;
  PCHECK(fchmod(fd, 0666) == 0 &&
         ftruncate(fd, static_cast<off_t>(bytes_)) == 0)
      << path_;
  void* mapped =
      mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  PCHECK(mapped != MAP_FAILED) << path_;
  close(fd);
  ledger_ = static_cast<Ledger*>(mapped);
}

LedgerFile::~LedgerFile() {
  munmap(ledger_, bytes_);
  unlink(path_.c_str());
}

void LedgerFile::Expect(uint32_t breaths) {
  woken_ = __atomic_load_n(&ledger_->woken, __ATOMIC_ACQUIRE);
  const uint32_t now = __atomic_load_n(&ledger_->breaths, __ATOMIC_ACQUIRE);
  __atomic_store_n(&ledger_->target, now + breaths, __ATOMIC_RELEASE);
}

absl::Status LedgerFile::Await(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (__atomic_load_n(&ledger_->woken, __ATOMIC_ACQUIRE) == woken_) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          ledger_->breaths, " runs have begun, and not ", ledger_->target));
    }
    const timespec wait = absl::ToTimespec(left);
    syscall(SYS_futex, &ledger_->woken, FUTEX_WAIT, woken_, &wait, nullptr, 0);
  }
  return absl::OkStatus();
}

absl::Duration LedgerFile::LatestBreath() const {
  uint64_t latest = 0;
  for (uint32_t i = 0; i < services_; ++i) {
    latest = std::max(latest, ledger_->slots[i].breath_ns);
  }
  return absl::Nanoseconds(latest);
}

}  // namespace espalier
