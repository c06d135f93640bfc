#ifndef ESPALIER_SUPERVISOR_WIRING_FOR_EACH_H_
#define ESPALIER_SUPERVISOR_WIRING_FOR_EACH_H_

// ESPALIER_FOR_EACH(M, a, b, c) is M(a) M(b) M(c), for up to 64 of them. Each
// expansion of AGAIN leaves one more call for the next scan of the
// preprocessor; the nested EXPANDs are those scans.
#define ESPALIER_FOR_EACH(macro, ...) \
  __VA_OPT__(ESPALIER_EXPAND(ESPALIER_FOR_EACH_STEP(macro, __VA_ARGS__)))

#define ESPALIER_FOR_EACH_STEP(macro, first, ...) \
  macro(first)                                    \
      __VA_OPT__(ESPALIER_FOR_EACH_AGAIN ESPALIER_PARENS(macro, __VA_ARGS__))
#define ESPALIER_FOR_EACH_AGAIN() ESPALIER_FOR_EACH_STEP
#define ESPALIER_PARENS ()

#define ESPALIER_EXPAND(...) \
  ESPALIER_EXPAND_16(        \
      ESPALIER_EXPAND_16(ESPALIER_EXPAND_16(ESPALIER_EXPAND_16(__VA_ARGS__))))
#define ESPALIER_EXPAND_16(...) \
  ESPALIER_EXPAND_4(            \
      ESPALIER_EXPAND_4(ESPALIER_EXPAND_4(ESPALIER_EXPAND_4(__VA_ARGS__))))
#define ESPALIER_EXPAND_4(...) \
  ESPALIER_EXPAND_1(           \
      ESPALIER_EXPAND_1(ESPALIER_EXPAND_1(ESPALIER_EXPAND_1(__VA_ARGS__))))
#define ESPALIER_EXPAND_1(...) __VA_ARGS__

#endif  // ESPALIER_SUPERVISOR_WIRING_FOR_EACH_H_
