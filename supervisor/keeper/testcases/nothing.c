/* Ends at once, with exit code 0. No C library, so that thousands of it cost
 * little. */
#include <sys/syscall.h>

void _start(void) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0));
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = SYS_exit_group;
  register long x0 __asm__("x0") = 0;
  __asm__ volatile("svc #0" : : "r"(x8), "r"(x0));
#endif
  __builtin_unreachable();
}
