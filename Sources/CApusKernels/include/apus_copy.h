#ifndef APUS_COPY_H
#define APUS_COPY_H
#include "apus_view.h"

/// Writes `in` to `out` (same sizes), converting elements. Values that the target cannot hold become what PyTorch gives on x86:
/// floats to integers truncate, NaN and out of range become the integer-indefinite pattern cut to size; complex to real drops the imaginary part.
int apus_copy(const apus_view *in, const apus_view *out);
/// Fills with a complex number (the imaginary part is dropped for real dtypes).
int apus_fill(double real, double imaginary, const apus_view *out);
/// Fills with an integer, exactly.
int apus_fill_int(int64_t value, const apus_view *out);
/// out[i] = start + i * step, along the row-major order of `out`. Integer dtypes use the integer form.
int apus_arange(double start, double step, const apus_view *out);
int apus_arange_int(int64_t start, int64_t step, const apus_view *out);
/// Evenly spaced numbers from `start` to `end`, both included; symmetric from both ends as PyTorch computes them.
int apus_linspace(double start, double end, const apus_view *out);
/// Sets elements above (upper) or below (lower) the `diagonal` of the last two dimensions to zero, copying the others. `upper` keeps the upper part.
int apus_triangle(bool upper, int64_t diagonal, const apus_view *in, const apus_view *out);
#endif
