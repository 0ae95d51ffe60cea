/// complex64 loops.
#include "loop_macros.h"
#include <complex.h>

/// The squares of all floats are doubles.
APUS_INLINE double scale_of_floats(double *a, double *b) {
    (void)a, (void)b;
    return 1;
}
#define T apus_c64
#define R float
#define SFX c64
#define NATIVE float complex
#define HYPOT(x, y) hypotf(x, y)
#define ATAN2(x, y) atan2f(x, y)
#define POWER(x, y) cpowf(x, y)
#define SCALE(a, b) scale_of_floats(a, b)
#define C(NAME, x) pair_c64(NAME##f(native_c64(x)))
#undef UNARY
#undef BINARY
#undef TERNARY
#undef UNARY_TO
#undef BINARY_TO
#undef TERNARY_TO
#include "complex_macros.h"
#include "complex.inc"

const apus_loop apus_loops_c64[APUS_OP_END] = {
#include "complex.def"
};
