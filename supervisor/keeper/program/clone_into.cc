#include "supervisor/keeper/program/clone_into.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdint>

namespace espalier::keeper {

pid_t CloneIntoCgroup(int (*run)(void*), void* argument, void* stack,
                      size_t stack_bytes, uint64_t flags, int cgroup_fd,
                      int* pidfd) {
  clone_args args = {};
  args.flags = CLONE_VM | CLONE_PIDFD | CLONE_INTO_CGROUP | flags;
  args.pidfd = reinterpret_cast<uintptr_t>(pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<uintptr_t>(stack);
  args.stack_size = stack_bytes;
  args.cgroup = static_cast<uint64_t>(cgroup_fd);
  // The child wakes up on its own, empty stack: it may use nothing but
  // registers until it has called `run`.
#if defined(__x86_64__)
  long result;
  register int (*run_register)(void*) asm("r12") = run;
  register void* argument_register asm("r13") = argument;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov %%r13, %%rdi\n"
      "call *%%r12\n"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(&args), "S"(sizeof args), "r"(run_register),
        "r"(argument_register)
      : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register long result asm("x0") = reinterpret_cast<long>(&args);
  register long size_register asm("x1") = sizeof args;
  register long number_register asm("x8") = SYS_clone3;
  register int (*run_register)(void*) asm("x19") = run;
  register void* argument_register asm("x20") = argument;
  asm volatile(
      "svc #0\n"
      "cbnz x0, 1f\n"
      "mov x29, #0\n"
      "mov x0, x20\n"
      "blr x19\n"
      "brk #0\n"
      "1:"
      : "+r"(result)
      : "r"(size_register), "r"(number_register), "r"(run_register),
        "r"(argument_register)
      : "memory");
#endif
  return static_cast<pid_t>(result);
}

}  // namespace espalier::keeper
