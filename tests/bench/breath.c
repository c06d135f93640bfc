/* The measured service: breath LEDGER INDEX SERVICES.
 *
 * No C library, so that what is measured is the supervisor and not the start-up
 * of a library. Reads the clock first, enters it into the ledger, reports
 * itself ready by a newline if READY_FD says where, and sleeps. */
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/time.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "tests/bench/ledger.h"

static long Call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                     "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#endif
}

static uint64_t NowNs(void) {
  struct {
    int64_t seconds, ns;
  } now = {0, 0};
  Call(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, (long)&now, 0, 0, 0, 0);
  return (uint64_t)now.seconds * 1000000000u + (uint64_t)now.ns;
}

static uint32_t Number(const char* text) {
  uint32_t number = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    number = number * 10 + (uint32_t)(*text - '0');
  }
  return number;
}

static void ReportReady(char** environment) {
  static const char kName[] = "READY_FD=";
  for (; *environment != NULL; ++environment) {
    const char* text = *environment;
    size_t i = 0;
    while (i < sizeof kName - 1 && text[i] == kName[i]) ++i;
    if (i < sizeof kName - 1) continue;
    const long fd = Number(text + i);
    Call(SYS_write, fd, (long)"\n", 1, 0, 0, 0);
    Call(SYS_close, fd, 0, 0, 0, 0, 0);
  }
}

__attribute__((noreturn, used)) void Begin(long* stack) {
  const uint64_t now = NowNs();
  char** argv = (char**)(stack + 1);
  if (stack[0] != 4) Call(SYS_exit_group, 125, 0, 0, 0, 0, 0);
  const uint32_t index = Number(argv[2]);
  const uint32_t services = Number(argv[3]);
  const long fd = Call(SYS_openat, AT_FDCWD, (long)argv[1], O_RDWR, 0, 0, 0);
  const long mapped =
      Call(SYS_mmap, 0,
           (long)(sizeof(struct Ledger) + services * sizeof(struct LedgerSlot)),
           PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd < 0 || mapped < 0) Call(SYS_exit_group, 125, 0, 0, 0, 0, 0);
  struct Ledger* ledger = (struct Ledger*)mapped;
  struct LedgerSlot* slot = &ledger->slots[index];
  slot->pid = (uint32_t)Call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  slot->breath_ns = now;
  __atomic_add_fetch(&slot->runs, 1, __ATOMIC_RELEASE);
  if (__atomic_add_fetch(&ledger->breaths, 1, __ATOMIC_ACQ_REL) ==
      __atomic_load_n(&ledger->target, __ATOMIC_ACQUIRE)) {
    __atomic_add_fetch(&ledger->woken, 1, __ATOMIC_RELEASE);
    Call(SYS_futex, (long)&ledger->woken, FUTEX_WAKE, 1, 0, 0, 0);
  }
  ReportReady(argv + 5);
  Call(SYS_close, fd, 0, 0, 0, 0, 0);
  for (;;) Call(SYS_rt_sigsuspend, (long)&(uint64_t){0}, 8, 0, 0, 0, 0);
}

__attribute__((naked, noreturn, used)) void _start(void) {
#if defined(__x86_64__)
  __asm__ volatile(
      "mov %rsp, %rdi\n"
      "and $-16, %rsp\n"
      "call Begin");
#elif defined(__aarch64__)
  __asm__ volatile(
      "mov x0, sp\n"
      "bl Begin");
#endif
}
