// System calls that touch nothing but registers: no errno, no stack protector,
// no sanitizer. For the child between clone and exec, which shares its memory
// with the keeper.
#ifndef SUPERVISOR_KEEPER_PROGRAM_RAW_SYSCALL_H_
#define SUPERVISOR_KEEPER_PROGRAM_RAW_SYSCALL_H_

// What every function that runs in such a child is marked with.
#define ESPALIER_RAW_CHILD                                     \
  __attribute__((no_stack_protector, no_sanitize("undefined"), \
                 disable_sanitizer_instrumentation))

namespace espalier::keeper {

// The result, or −errno.
ESPALIER_RAW_CHILD inline long RawSyscall(long number, long a = 0, long b = 0,
                                          long c = 0, long d = 0, long e = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc #0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
               : "memory");
  return x0;
#else
#error "The keeper knows the system calls of x86-64 and aarch64 only."
#endif
}

ESPALIER_RAW_CHILD inline long RawPointer(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_RAW_SYSCALL_H_
