/// float32 loops.
#define _GNU_SOURCE
#include "loop_macros.h"
#include "special.h"

#define T float
#define SFX f32
#define FABS(x) __builtin_elementwise_abs(x)
#define SIGN_OF(x) (__builtin_signbit(x) != 0)
#define EXP(x) expf(x)
#define EXP2(x) exp2f(x)
#define EXPM1(x) expm1f(x)
#define LOG(x) logf(x)
#define LOG2(x) log2f(x)
#define LOG10(x) log10f(x)
#define LOG1P(x) log1pf(x)
#define ASIN(x) asinf(x)
#define ACOS(x) acosf(x)
#define ATAN(x) atanf(x)
#define SINH(x) sinhf(x)
#define COSH(x) coshf(x)
#define TANH(x) tanhf(x)
#define ASINH(x) asinhf(x)
#define ACOSH(x) acoshf(x)
#define ATANH(x) atanhf(x)
#define SIGMOID(x) (1 / (1 + expf(-(x))))
#define ERF(x) erff(x)
#define ERFC(x) erfcf(x)
#define ERFINV(x) ((float)apus_erfinv(x))
#define LGAMMA(x) ((float)apus_lgamma(x))
#define DIGAMMA(x) ((float)apus_digamma(x))
#define GELU(x) ((x)*0.5f * (1 + erff((x) * (float)M_SQRT1_2)))
#define ATAN2(x, y) atan2f(x, y)
#define HYPOT(x, y) hypotf(x, y)
#define NEXTAFTER(x, y) nextafterf(x, y)
#define POW(x, y) powf(x, y)
#define FMOD(x, y) fmodf(x, y)
#include "float_helpers.inc"

#define CUSTOM(NAME)
LOOP_HEAD(SIN) float *o = out; const float *a = pa; for (int64_t i = 0; i < n; i++) o[i] = sinf(a[i]); return APUS_OK; }
LOOP_HEAD(COS) float *o = out; const float *a = pa; for (int64_t i = 0; i < n; i++) o[i] = cosf(a[i]); return APUS_OK; }
LOOP_HEAD(TAN) float *o = out; const float *a = pa; for (int64_t i = 0; i < n; i++) o[i] = tanf(a[i]); return APUS_OK; }
#include "float.def"
#include "loop_entries.h"

const apus_loop apus_loops_f32[APUS_OP_END] = {
#include "float.def"
};
