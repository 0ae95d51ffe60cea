/// float64 loops.
#define _GNU_SOURCE
#include "loop_macros.h"
#include "../math/float64.h"
#include "special.h"

#define T double
#define SFX f64
#define FABS(x) __builtin_elementwise_abs(x)
#define SIGN_OF(x) (__builtin_signbit(x) != 0)
#define EXP(x) apus_exp_f64(x)
#define EXP2(x) exp2(x)
#define EXPM1(x) expm1(x)
#define LOG(x) apus_log_f64(x)
#define LOG2(x) log2(x)
#define LOG10(x) log10(x)
#define LOG1P(x) log1p(x)
#define ASIN(x) asin(x)
#define ACOS(x) acos(x)
#define ATAN(x) atan(x)
#define SINH(x) sinh(x)
#define COSH(x) cosh(x)
#define TANH(x) tanh(x)
#define ASINH(x) asinh(x)
#define ACOSH(x) acosh(x)
#define ATANH(x) atanh(x)
#define SIGMOID(x) apus_sigmoid_f64(x)
#define ERF(x) apus_erf_f64(x)
#define ERFC(x) apus_erfc_f64(x)
#define ERFINV(x) apus_erfinv_f64(x)
#define LGAMMA(x) apus_lgamma(x)
#define DIGAMMA(x) apus_digamma(x)
#define POLYGAMMA(n, x) (n == 1 ? apus_trigamma(x) : apus_polygamma(n, x))
#define GELU(x) ((x)*0.5 * (1 + apus_erf_f64((x)*M_SQRT1_2)))
#define ATAN2(x, y) atan2(x, y)
#define HYPOT(x, y) hypot(x, y)
#define NEXT(x, y, dtype) ((void)dtype, nextafter(x, y))
#define POW(x, y) pow(x, y)
#define LIBM(NAME) NAME
#include "float_helpers.inc"
#include "polynomials.inc"

#define CUSTOM(NAME)
#define DIVISION(NAME, EXPRESSION) BINARY_TO(double, NAME, NO_SETUP, ({ double r = fmod(x, y); EXPRESSION; }))
LOOP_HEAD(SIN) double *o = out; const double *a = pa; for (int64_t i = 0; i < n; i++) o[i] = sin(a[i]); return APUS_OK; }
LOOP_HEAD(COS) double *o = out; const double *a = pa; for (int64_t i = 0; i < n; i++) o[i] = cos(a[i]); return APUS_OK; }
LOOP_HEAD(TAN) double *o = out; const double *a = pa; for (int64_t i = 0; i < n; i++) o[i] = tan(a[i]); return APUS_OK; }
#include "float.def"
#include "loop_entries.h"

const apus_loop apus_loops_f64[APUS_OP_END] = {
#include "float.def"
};
