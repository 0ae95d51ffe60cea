/// Conversions between dtypes, as loops over contiguous runs.
#include "loop_macros.h"


// Floats to integers truncate; what does not fit gives x86's integer-indefinite value, cut to size. uint8 goes through int64, as in PyTorch.
#define TO_u8(x) (uint8_t)_Generic((x), float: apus_f64_to_i64((double)(x)), double: apus_f64_to_i64((double)(x)), default: (x))
#define TO_i8(x) (int8_t)_Generic((x), float: apus_f32_to_i32((float)(x)), double: apus_f64_to_i32((double)(x)), default: (x))
#define TO_i16(x) (int16_t)_Generic((x), float: apus_f32_to_i32((float)(x)), double: apus_f64_to_i32((double)(x)), default: (x))
#define TO_i32(x) (int32_t)_Generic((x), float: apus_f32_to_i32((float)(x)), double: apus_f64_to_i32((double)(x)), default: (x))
#define TO_i64(x) (int64_t)_Generic((x), float: apus_f64_to_i64((double)(x)), double: apus_f64_to_i64((double)(x)), default: (x))
#define TO_f32(x) (float)(x)
#define TO_f64(x) (double)(x)
#define TO_b8(x) (uint8_t)((x) != 0)
#define TO_f16(x) (_Float16)(float)(x)
#define TO_bf16(x) apus_f32_to_bf16((float)(x))
#define TO_c64(x) ((apus_c64){(float)(x), 0})
#define TO_c128(x) ((apus_c128){(double)(x), 0})
#define FROM(x) (x)
#define FROM_bool(x) (uint8_t)((x) != 0)
#define FROM_f16(x) (float)(x)
#define FROM_bf16(x) apus_bf16_to_f32(x)
#define FROM_complex(x) (x).re

#define CAST(A, TA, LOAD, B, TB)                                                                                                               \
    APUS_CLONES static int cast_##A##_##B(void *out, const void *pa, const void *pb, const void *pc, int64_t n, const apus_params *p) {           \
        (void)pb, (void)pc, (void)p;                                                                                                            \
        TB *o = out;                                                                                                                            \
        const TA *a = pa;                                                                                                                       \
        APUS_SIMD for (int64_t i = 0; i < n; i++) o[i] = TO_##B(LOAD(a[i]));                                                                    \
        return APUS_OK;                                                                                                                         \
    }
#define CAST_TO_ALL(A, TA, LOAD)                                                                                                               \
    CAST(A, TA, LOAD, b8, uint8_t)                                                                                                            \
    CAST(A, TA, LOAD, u8, uint8_t)                                                                                                              \
    CAST(A, TA, LOAD, i8, int8_t)                                                                                                               \
    CAST(A, TA, LOAD, i16, int16_t)                                                                                                             \
    CAST(A, TA, LOAD, i32, int32_t)                                                                                                             \
    CAST(A, TA, LOAD, i64, int64_t)                                                                                                             \
    CAST(A, TA, LOAD, f16, _Float16)                                                                                                            \
    CAST(A, TA, LOAD, bf16, uint16_t)                                                                                                           \
    CAST(A, TA, LOAD, f32, float)                                                                                                               \
    CAST(A, TA, LOAD, f64, double)                                                                                                              \
    CAST(A, TA, LOAD, c64, apus_c64)                                                                                                            \
    CAST(A, TA, LOAD, c128, apus_c128)

CAST_TO_ALL(b8, uint8_t, FROM_bool)
CAST_TO_ALL(u8, uint8_t, FROM)
CAST_TO_ALL(i8, int8_t, FROM)
CAST_TO_ALL(i16, int16_t, FROM)
CAST_TO_ALL(i32, int32_t, FROM)
CAST_TO_ALL(i64, int64_t, FROM)
CAST_TO_ALL(f16, _Float16, FROM_f16)
CAST_TO_ALL(bf16, uint16_t, FROM_bf16)
CAST_TO_ALL(f32, float, FROM)
CAST_TO_ALL(f64, double, FROM)

// From complex: the imaginary part counts for bool and complex only.
#define CAST_COMPLEX_TO_REALS(A, TA)                                                                                                           \
    CAST(A, TA, FROM_complex, u8, uint8_t)                                                                                                      \
    CAST(A, TA, FROM_complex, i8, int8_t)                                                                                                       \
    CAST(A, TA, FROM_complex, i16, int16_t)                                                                                                     \
    CAST(A, TA, FROM_complex, i32, int32_t)                                                                                                     \
    CAST(A, TA, FROM_complex, i64, int64_t)                                                                                                     \
    CAST(A, TA, FROM_complex, f16, _Float16)                                                                                                    \
    CAST(A, TA, FROM_complex, bf16, uint16_t)                                                                                                   \
    CAST(A, TA, FROM_complex, f32, float)                                                                                                       \
    CAST(A, TA, FROM_complex, f64, double)
#define CAST_COMPLEX(A, TA, B, TB, EXPRESSION)                                                                                                 \
    APUS_CLONES static int cast_##A##_##B(void *out, const void *pa, const void *pb, const void *pc, int64_t n, const apus_params *p) {           \
        (void)pb, (void)pc, (void)p;                                                                                                            \
        TB *o = out;                                                                                                                            \
        const TA *a = pa;                                                                                                                       \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                             \
            TA x = a[i];                                                                                                                        \
            o[i] = EXPRESSION;                                                                                                                  \
        }                                                                                                                                       \
        return APUS_OK;                                                                                                                         \
    }
CAST_COMPLEX_TO_REALS(c64, apus_c64)
CAST_COMPLEX(c64, apus_c64, b8, uint8_t, (x.re != 0) | (x.im != 0))
CAST_COMPLEX(c64, apus_c64, c64, apus_c64, x)
CAST_COMPLEX(c64, apus_c64, c128, apus_c128, ((apus_c128){x.re, x.im}))
CAST_COMPLEX_TO_REALS(c128, apus_c128)
CAST_COMPLEX(c128, apus_c128, b8, uint8_t, (x.re != 0) | (x.im != 0))
CAST_COMPLEX(c128, apus_c128, c64, apus_c64, ((apus_c64){(float)x.re, (float)x.im}))
CAST_COMPLEX(c128, apus_c128, c128, apus_c128, x)

#define ROW(A)                                                                                                                                 \
    {                                                                                                                                           \
        cast_##A##_b8, cast_##A##_u8, cast_##A##_i8, cast_##A##_i16, cast_##A##_i32, cast_##A##_i64, cast_##A##_f16, cast_##A##_bf16,           \
            cast_##A##_f32, cast_##A##_f64, cast_##A##_c64, cast_##A##_c128                                                                      \
    }
static const apus_loop casts[12][12] = {ROW(b8), ROW(u8), ROW(i8), ROW(i16), ROW(i32), ROW(i64), ROW(f16), ROW(bf16), ROW(f32), ROW(f64), ROW(c64), ROW(c128)};

apus_loop apus_cast_loop(int32_t from, int32_t to) { return casts[from][to]; }
