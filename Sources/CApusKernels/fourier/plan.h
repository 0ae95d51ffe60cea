/// What a transform of one length needs.
#ifndef APUS_FOURIER_PLAN_H
#define APUS_FOURIER_PLAN_H
#include "../support/internal.h"

/// `LARGEST_RADIX` is the largest prime factor of a length that is taken apart; others go by way of a convolution (Bluestein).
enum { MAX_STAGES = 64, LARGEST_RADIX = 31 };

/// A length as a product of radices: one stage for each (Stockham). `roots[s]` holds, for p < m and 0 < k < r, e^(-2 pi i p k / (r m)) as re, im; r is the
/// stage's radix and r m what is left to transform at it.
typedef struct {
    int64_t length;
    int stages;
    int radix[MAX_STAGES];
    void *roots[MAX_STAGES];
} apus_fft_factors;

struct apus_fft_plan {
    int64_t n;
    int32_t dtype;
    bool is_real;
    int64_t size;
    /// The whole length, to transform neighbouring lines side by side; no stages where a prime factor is too large.
    apus_fft_factors whole;
    /// n = rows * columns, to transform one line as a matrix: first its columns, then its rows. No stages where there are no such factors.
    apus_fft_factors rows, columns;
    /// e^(-2 pi i k j / n) for k < rows, j < columns, real parts before imaginary ones.
    void *twist;
    /// For a length that is not taken apart: a plan for the convolution's length, e^(-pi i j^2 / n) for j < n, and the transform of its conjugates over
    /// that length; real parts before imaginary ones.
    struct apus_fft_plan *convolution;
    void *chirp, *chirp_transform;
    /// The convolution's length with its radices in reverse order, for the way back.
    apus_fft_factors back;
    /// For a prime n of which n - 1 is taken apart there is no chirp: g^q and g^-q modulo n, for a primitive root g and q < n - 1, and the transform of
    /// e^(-2 pi i g^-q / n) over n - 1.
    int64_t *powers, *inverses;
    /// For real numbers of even length n: the plan of n / 2, and e^(-2 pi i k / n) for k <= n / 2, real parts before imaginary ones.
    struct apus_fft_plan *half;
    void *half_roots;
};

/// Widths of matrices of lines in memory are multiples of it, of both dtypes.
enum { APUS_FFT_WIDTH = 16 };
APUS_INLINE int64_t apus_fft_padded(int64_t n) { return (n + APUS_FFT_WIDTH - 1) / APUS_FFT_WIDTH * APUS_FFT_WIDTH; }

/// So many lines go side by side: a cache line of numbers of so many bytes.
#define APUS_FFT_SIDE(item) (64 / (int64_t)(item))

/// The transform of a line of split numbers of the plan's dtype into another, parts behind one another; `scratch` has `apus_fft_line_scratch` elements.
void apus_fft_line(const apus_fft_plan *plan, const void *line, void *out, void *scratch);
/// Elements that the transform of a line needs beside its own.
int64_t apus_fft_line_scratch(const apus_fft_plan *plan);
/// How many columns (or rows) of so many elements are transformed at a time.
int64_t apus_fft_block(int64_t length, int64_t width);
#endif
