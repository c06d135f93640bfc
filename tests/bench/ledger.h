/* The ledger: shared memory in which the measured processes write when they
 * began to run, and by which whoever measures is woken, once, when all that it
 * waits for have. So measuring costs next to nothing beside what is measured.
 * Plain C, since the measured process has no library. */
#ifndef ESPALIER_TESTS_BENCH_LEDGER_H_
#define ESPALIER_TESTS_BENCH_LEDGER_H_

#include <stdint.h>

/* One for each service. Written by the service's process only. */
struct LedgerSlot {
  uint64_t breath_ns; /* CLOCK_MONOTONIC at the first instruction. */
  uint32_t pid;
  uint32_t runs;
};

struct Ledger {
  uint32_t breaths; /* Runs of all services together; a futex's word. */
  uint32_t target;  /* Whoever brings `breaths` to this wakes the waiter. */
  uint32_t woken;   /* The word that is waited on. */
  uint32_t unused;
  struct LedgerSlot slots[];
};

#endif /* ESPALIER_TESTS_BENCH_LEDGER_H_ */
