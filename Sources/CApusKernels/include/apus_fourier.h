#ifndef APUS_FOURIER_H
#define APUS_FOURIER_H
#include "apus_view.h"

/// What transforms of one length share: factors and roots of unity. It never changes once made; any number of threads may use it.
typedef struct apus_fft_plan apus_fft_plan;

/// The plan for transforms of length n >= 1 in `dtype`, APUS_FLOAT32 or APUS_FLOAT64; `is_real` where the numbers on one side are real. Null where there is
/// no memory for it, or no such plan.
apus_fft_plan *apus_fft_plan_make(int64_t n, int32_t dtype, bool is_real);
void apus_fft_plan_free(apus_fft_plan *plan);
/// The bytes that a plan takes.
int64_t apus_fft_plan_size(const apus_fft_plan *plan);

/// Transforms along dimension `dim`, times `scale`. Complex to complex, with exponents -2 pi i j k / n where `is_forward`, else their conjugates; `out` may
/// be `in`. Real to complex, forward: `out` has n / 2 + 1 elements along `dim`, `in` n. Complex to real, backward: the other way; imaginary parts that a
/// real signal has none of are ignored. Other sizes are equal.
int apus_fft(const apus_fft_plan *plan, bool is_forward, double scale, int32_t dim, const apus_view *in, const apus_view *out);
/// Fills in what the transform of real numbers has beyond element n / 2 of `dim`: element n - k is the conjugate of element k.
int apus_fft_mirror(int32_t dim, const apus_view *out);
#endif
