/// Turns the lists of expressions (`*.def`) into loops and tables. Before including, define T (element type) and SFX (suffix of names).
#ifndef APUS_LOOP_MACROS_H
#define APUS_LOOP_MACROS_H
#include "loops.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)

#define LOOP_HEAD(NAME)                                                                                                                        \
    APUS_CLONES static int PASTE(loop_##NAME, SFX)(void *out, const void *pa, const void *pb, const void *pc, int64_t n, const apus_params *p) {   \
        (void)pa, (void)pb, (void)pc, (void)p;

/// The result type R may differ from T (predicates, magnitudes). The expression sees x, y, z and p.
#define UNARY_TO(R, NAME, SETUP, EXPRESSION)                                                                                                   \
    LOOP_HEAD(NAME)                                                                                                                             \
    R *o = out;                                                                                                                                 \
    const T *a = pa;                                                                                                                            \
    SETUP;                                                                                                                                      \
    APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                                 \
        T x = a[i]; (void)x;                                                                                                                             \
        o[i] = (R)(EXPRESSION);                                                                                                                 \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
#define BINARY_TO(R, NAME, SETUP, EXPRESSION)                                                                                                  \
    LOOP_HEAD(NAME)                                                                                                                             \
    R *o = out;                                                                                                                                 \
    const T *a = pa, *b = pb;                                                                                                                   \
    SETUP;                                                                                                                                      \
    APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                                 \
        T x = a[i], y = b[i];                                                                                                                   \
        o[i] = (R)(EXPRESSION);                                                                                                                 \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
#define TERNARY_TO(R, NAME, SETUP, EXPRESSION)                                                                                                 \
    LOOP_HEAD(NAME)                                                                                                                             \
    R *o = out;                                                                                                                                 \
    const T *a = pa, *b = pb, *c = pc;                                                                                                          \
    SETUP;                                                                                                                                      \
    APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                                 \
        T x = a[i], y = b[i], z = c[i];                                                                                                         \
        o[i] = (R)(EXPRESSION);                                                                                                                 \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
#define NO_SETUP (void)0
#define UNARY(NAME, EXPRESSION) UNARY_TO(T, NAME, NO_SETUP, EXPRESSION)
#define BINARY(NAME, EXPRESSION) BINARY_TO(T, NAME, NO_SETUP, EXPRESSION)
#define TERNARY(NAME, EXPRESSION) TERNARY_TO(T, NAME, NO_SETUP, EXPRESSION)
#define UNARY_TEST(NAME, EXPRESSION) UNARY_TO(uint8_t, NAME, NO_SETUP, EXPRESSION)
#define BINARY_TEST(NAME, EXPRESSION) BINARY_TO(uint8_t, NAME, NO_SETUP, EXPRESSION)

/// `condition ? b : c`; the condition's register is bool.
#define WHERE_LOOP                                                                                                                             \
    LOOP_HEAD(WHERE)                                                                                                                            \
    T *o = out;                                                                                                                                 \
    const uint8_t *a = pa;                                                                                                                      \
    const T *b = pb, *c = pc;                                                                                                                   \
    APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                                 \
        T y = b[i], z = c[i];                                                                                                                   \
        o[i] = a[i] ? y : z;                                                                                                                    \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
#define COPY_LOOP                                                                                                                              \
    LOOP_HEAD(COPY)                                                                                                                             \
    if (out != pa) memcpy(out, pa, (size_t)n * sizeof(T));                                                                                      \
    return APUS_OK;                                                                                                                             \
    }

#endif
