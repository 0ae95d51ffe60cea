/// float32 loops.
#define _GNU_SOURCE
#include "loop_macros.h"
#include "../math/float32.h"
#include "special.h"

#define T float
#define SFX f32
#define FABS(x) __builtin_elementwise_abs(x)
#define SIGN_OF(x) (__builtin_signbit(x) != 0)
#define EXP(x) apus_exp_f32(x)
#define EXP2(x) apus_exp2_f32(x)
#define EXPM1(x) apus_expm1_f32(x)
#define LOG(x) apus_log_f32(x)
#define LOG2(x) apus_log2_f32(x)
#define LOG10(x) apus_log10_f32(x)
#define LOG1P(x) apus_log1p_f32(x)
#define ASIN(x) apus_asin_f32(x)
#define ACOS(x) apus_acos_f32(x)
#define ATAN(x) apus_atan_f32(x)
#define SINH(x) apus_sinh_f32(x)
#define COSH(x) apus_cosh_f32(x)
#define TANH(x) apus_tanh_f32(x)
#define ASINH(x) apus_asinh_f32(x)
#define ACOSH(x) apus_acosh_f32(x)
#define ATANH(x) apus_atanh_f32(x)
#define SIGMOID(x) apus_sigmoid_f32(x)
#define SILU(x) apus_silu_f32(x)
#define ERF(x) apus_erf_f32(x)
#define ERFC(x) apus_erfc_f32(x)
#define ERFINV(x) apus_erfinv_f32(x)
#define LGAMMA(x) ((float)apus_lgamma(x))
#define DIGAMMA(x) ((float)apus_digamma(x))
#define POLYGAMMA(n, x) (n == 1 ? apus_trigamma_f32(x) : (float)apus_polygamma(n, x))
#define GELU(x) ((x)*apus_normal_f32(x))
#define ATAN2(x, y) apus_atan2_f32(x, y)
#define HYPOT(x, y) apus_hypot_f32(x, y)
#define NEXT(x, y, dtype) apus_nextafter(x, y, dtype)
#define POW(x, y) apus_pow_f32(x, y)
#define LIBM(NAME) NAME##f
#include "float_helpers.inc"
#include "polynomials.inc"

#define CUSTOM(NAME)
/// Vectors first; then the pairs whose quotient has more bits than float64 keeps, and those with zero, infinity or NaN, which libm divides.
#define DIVISION(NAME, EXPRESSION)                                                                                                             \
    LOOP_HEAD(NAME)                                                                                                                             \
    float *o = out;                                                                                                                             \
    const float *a = pa, *b = pb;                                                                                                               \
    for (int64_t start = 0; start < n; start += 256) {                                                                                          \
        float xs[256], ys[256];                                                                                                                 \
        int64_t count = APUS_MIN(256, n - start);                                                                                               \
        memcpy(xs, a + start, (size_t)count * 4);                                                                                               \
        memcpy(ys, b + start, (size_t)count * 4);                                                                                               \
        int32_t odd = 0;                                                                                                                        \
        APUS_SIMD for (int64_t i = 0; i < count; i++) {                                                                                         \
            float x = xs[i], y = ys[i], r = apus_quick_fmod_f32(x, y);                                                                          \
            odd |= !apus_has_quick_fmod_f32(x, y);                                                                                              \
            o[start + i] = EXPRESSION;                                                                                                          \
        }                                                                                                                                       \
        for (int64_t i = 0; odd && i < count; i++) {                                                                                            \
            float x = xs[i], y = ys[i];                                                                                                         \
            if (apus_has_quick_fmod_f32(x, y)) continue;                                                                                        \
            float r = fmodf(x, y);                                                                                                              \
            o[start + i] = EXPRESSION;                                                                                                          \
        }                                                                                                                                       \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
/// Vectors first; then the few arguments too large for the quick reduction, which libm reduces.
#define TRIGONOMETRIC(NAME, FAST, SLOW)                                                                                                        \
    LOOP_HEAD(NAME)                                                                                                                             \
    float *o = out;                                                                                                                             \
    const float *a = pa;                                                                                                                        \
    for (int64_t start = 0; start < n; start += 256) {                                                                                          \
        float copy[256];                                                                                                                        \
        int64_t count = APUS_MIN(256, n - start);                                                                                               \
        memcpy(copy, a + start, (size_t)count * 4);                                                                                             \
        int32_t large = 0;                                                                                                                      \
        APUS_SIMD for (int64_t i = 0; i < count; i++) {                                                                                         \
            float x = copy[i];                                                                                                                  \
            large |= !(FABS(x) <= APUS_TRIG_LIMIT_F32);                                                                                         \
            o[start + i] = FAST(x);                                                                                                             \
        }                                                                                                                                       \
        for (int64_t i = 0; large && i < count; i++)                                                                                            \
            if (!(FABS(copy[i]) <= APUS_TRIG_LIMIT_F32)) o[start + i] = SLOW(copy[i]);                                                           \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
TRIGONOMETRIC(SIN, apus_sin_f32, sinf)
TRIGONOMETRIC(COS, apus_cos_f32, cosf)
TRIGONOMETRIC(TAN, apus_tan_f32, tanf)
#include "float.def"
#include "loop_entries.h"

const apus_loop apus_loops_f32[APUS_OP_END] = {
#include "float.def"
};
