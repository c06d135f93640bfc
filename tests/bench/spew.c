/* A service that prints: spew LEDGER BYTES.
 *
 * Writes so many bytes in lines of 100, 64 KiB at a time as a program does that
 * has its output buffered. Enters into the ledger when it begins, as service 0,
 * and when all is written, as service 1. Ends on SIGTERM. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/ledger.h"

enum { kLine = 100, kServices = 2 };

static void Enter(struct Ledger* ledger, int index) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  ledger->slots[index].pid = (uint32_t)getpid();
  ledger->slots[index].breath_ns =
      (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  if (__atomic_add_fetch(&ledger->breaths, 1, __ATOMIC_ACQ_REL) ==
      __atomic_load_n(&ledger->target, __ATOMIC_ACQUIRE)) {
    __atomic_add_fetch(&ledger->woken, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &ledger->woken, FUTEX_WAKE, 1, NULL, NULL, 0);
  }
}

static void End(int signal) {
  (void)signal;
  _exit(0);
}

int main(int argc, char** argv) {
  if (argc != 3) return 125;
  signal(SIGTERM, End);
  const int fd = open(argv[1], O_RDWR | O_CLOEXEC);
  struct Ledger* ledger =
      mmap(NULL, sizeof(struct Ledger) + kServices * sizeof(struct LedgerSlot),
           PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd < 0 || ledger == MAP_FAILED) return 125;
  static char text[kLine * 655];
  memset(text, 'x', sizeof text);
  for (size_t i = kLine - 1; i < sizeof text; i += kLine) text[i] = '\n';
  long long left = atoll(argv[2]) / kLine * kLine;
  Enter(ledger, 0);
  while (left > 0) {
    const size_t wanted =
        left < (long long)sizeof text ? (size_t)left : sizeof text;
    const ssize_t written = write(1, text, wanted);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return 125;
    left -= written;
  }
  Enter(ledger, 1);
  for (;;) pause();
}
