/// Shared by all kernels: vector attributes, limits, numeric helpers.
#ifndef APUS_INTERNAL_H
#define APUS_INTERNAL_H
#include "../include/CApusKernels.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// What chooses among clones runs before the thread sanitizer is up.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define APUS_NO_CLONES
#endif
#endif

/// A function compiled once per instruction set and chosen when the program is loaded. Callees that should be compiled along must be APUS_INLINE.
#if defined(__x86_64__) && defined(__linux__) && !defined(APUS_NO_CLONES)
#define APUS_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define APUS_CLONES
#endif
#define APUS_INLINE static inline __attribute__((always_inline))

// Lists of operations mix loops that vectorise with loops over scalar functions: not vectorising is no fault there.
#pragma clang diagnostic ignored "-Wpass-failed"

#define APUS_PRAGMA(text) _Pragma(#text)
/// The next loop has no dependency between iterations; outputs may be exactly an input.
#define APUS_SIMD APUS_PRAGMA(clang loop vectorize(assume_safety) interleave(enable))
/// The next loop's sums may be taken in any order.
#define APUS_REASSOCIATE APUS_PRAGMA(clang fp reassociate(on))

#define APUS_MIN(a, b) ((a) < (b) ? (a) : (b))
#define APUS_MAX(a, b) ((a) > (b) ? (a) : (b))

/// Elements per tile: a register of 8-byte elements takes 8 KiB, so that a few of them stay in the first-level cache.
enum { APUS_TILE = 1024 };

typedef struct { float re, im; } apus_c64;
typedef struct { double re, im; } apus_c128;

/// Products of complex numbers. Each part's two products are rounded alike, never one of them fused with the sum, so that a number times its
/// conjugate is real on every instruction set.
#define APUS_TIMES(NAME, T)                                                                                                                     \
    APUS_INLINE T NAME(T x, T y) {                                                                                                              \
        APUS_PRAGMA(clang fp contract(off))                                                                                                     \
        return (T){x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};                                                                       \
    }
APUS_TIMES(apus_times_c64, apus_c64)
APUS_TIMES(apus_times_c128, apus_c128)
#undef APUS_TIMES

/// bfloat16 <-> float32, rounding half to even; NaN stays NaN.
APUS_INLINE float apus_bf16_to_f32(uint16_t h) {
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
APUS_INLINE uint16_t apus_f32_to_bf16(float f) {
    uint32_t bits;
    memcpy(&bits, &f, 4);
    uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    return (bits & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : (uint16_t)rounded;
}

/// Doubles to integers as x86 converts them: out of range and NaN give the smallest number.
APUS_INLINE int64_t apus_f64_to_i64(double x) {
    bool inside = x >= -9223372036854775808.0 && x < 9223372036854775808.0;
    int64_t converted = (int64_t)(inside ? x : 0.0);
    return inside ? converted : INT64_MIN;
}
APUS_INLINE int32_t apus_f64_to_i32(double x) {
    bool inside = x > -2147483649.0 && x < 2147483648.0;
    int32_t converted = (int32_t)(inside ? x : 0.0);
    return inside ? converted : INT32_MIN;
}
APUS_INLINE int32_t apus_f32_to_i32(float x) {
    bool inside = x >= -2147483648.0f && x < 2147483648.0f;
    int32_t converted = (int32_t)(inside ? x : 0.0f);
    return inside ? converted : INT32_MIN;
}

/// `apus_gemm` as one of `tasks` that a kernel has given the pool: by itself where there are several, cut as any other where it is the only one.
int apus_gemm_of_task(int64_t tasks, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t lda, const void *b,
                      int64_t ldb, double beta, void *c, int64_t ldc, int32_t dtype);

APUS_INLINE bool apus_dtype_is_valid(int32_t dtype) { return dtype >= APUS_BOOL && dtype <= APUS_COMPLEX128; }
APUS_INLINE bool apus_dtype_is_integer(int32_t dtype) { return dtype >= APUS_UINT8 && dtype <= APUS_INT64; }
APUS_INLINE bool apus_dtype_is_floating(int32_t dtype) { return dtype >= APUS_FLOAT16 && dtype <= APUS_FLOAT64; }
APUS_INLINE bool apus_dtype_is_complex(int32_t dtype) { return dtype >= APUS_COMPLEX64; }

#endif
