/// complex128 loops.
#include "loop_macros.h"
#include <complex.h>

/// By a power of two.
APUS_INLINE double scale_of_doubles(double *a, double *b) {
    double larger = fmax(fabs(*a), fabs(*b));
    if (larger < 0x1p400 && larger > 0x1p-400) return 1;
    double factor = larger >= 0x1p400 ? 0x1p-600 : 0x1p600;
    *a *= factor;
    *b *= factor;
    return factor;
}
#define SCALE(a, b) scale_of_doubles(a, b)
#define T apus_c128
#define R double
#define SFX c128
#define NATIVE double complex
#define HYPOT(x, y) hypot(x, y)
#define ATAN2(x, y) atan2(x, y)
#define POWER(x, y) cpow(x, y)
#define C(NAME, x) pair_c128(NAME(native_c128(x)))
#undef UNARY
#undef BINARY
#undef TERNARY
#undef UNARY_TO
#undef BINARY_TO
#undef TERNARY_TO
#include "complex_macros.h"
#include "complex.inc"

const apus_loop apus_loops_c128[APUS_OP_END] = {
#include "complex.def"
};
