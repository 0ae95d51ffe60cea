/// Discrete Fourier transforms along a dimension.
#include "lanes.h"
#include "plan.h"
#include "../pointwise/loops.h"
#include <stdatomic.h>

/// What follows for `q` from 0 to n, a multiple of APUS_FFT_WIDTH, by vectors of the widest registers; or for any n, the rest one by one.
#define FOURIER_BLOCKS(q, n, ...)                                                                                                               \
    for (int64_t q##_0 = 0; q##_0 < (n); q##_0 += LANES) {                                                                                       \
        APUS_PRAGMA(clang loop vectorize(assume_safety) vectorize_width(LANES) interleave(disable) unroll(disable))                                              \
        for (int64_t q = q##_0; q < q##_0 + LANES; q++) { __VA_ARGS__; }                                                                         \
    }
#define FOURIER_LOOP(q, n, ...)                                                                                                                 \
    do {                                                                                                                                        \
        int64_t q##_whole = (n) / LANES * LANES;                                                                                                 \
        FOURIER_BLOCKS(q, q##_whole, __VA_ARGS__)                                                                                                \
        for (int64_t q = q##_whole; q < (n); q++) { __VA_ARGS__; }                                                                               \
    } while (0)

/// Lines of up to so many bytes are transformed side by side, unless they are in the last dimension and have parts of SHORT bytes at least, or go by way of a
/// convolution of more than SHORT_CONVOLUTION elements: there a line by itself costs less than turning several. It depends on sizes alone, so that results do
/// not depend on strides, other lines or threads.
enum { SHORT = 2048, SHORT_CONVOLUTION = 2048, SIDE_BY_SIDE = 32768 };
/// Operands of so many bytes are not all in the second cache.
enum { FAR = 3 << 19 };

/// Neighbouring elements of lines that are read or written together.
enum { PLACES = 4 };

typedef enum { COMPLEX, FROM_REAL, TO_REAL } kind;

/// Strides count numbers, two to a complex element.
typedef struct {
    const apus_fft_plan *plan;
    kind kind;
    bool is_forward, is_alone, is_far;
    double scale;
    const void *in;
    void *out;
    int64_t in_apart, out_apart; // from element to element of a line
    // Lines: `inner` of them in one dimension, in chunks, for each place in the `outer` other ones.
    int64_t inner, chunks, in_between, out_between;
    int outer;
    int64_t sizes[APUS_MAX_RANK], in_strides[APUS_MAX_RANK], out_strides[APUS_MAX_RANK];
    _Atomic int status;
} job;

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(JOIN(name, SUFFIX), LEVEL)
#if defined(__x86_64__)
#define LEVEL _v4
#define BYTES 64
// Extractions of halves stay behind shuffles: before them there would be twice as many.
#define KEEP(v) __asm__("" : "+v"(v))
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#include "types.inc"
#define LEVEL _v3
#define BYTES 32
#define KEEP(v)
#define TARGET __attribute__((target("arch=x86-64-v3")))
#include "types.inc"
#endif
#define LEVEL _base
#define BYTES 16
#define KEEP(v)
#define TARGET
#include "types.inc"

/// The functions for this processor.
typedef struct {
    apus_range_function lines[2];
    void (*line_f32)(const apus_fft_plan *, const float *, const float *, int64_t, float *, float *, int64_t, float, float *);
    void (*line_f64)(const apus_fft_plan *, const double *, const double *, int64_t, double *, double *, int64_t, double, double *);
} functions;
#define FUNCTIONS(LEVEL) {{lines_f32_##LEVEL, lines_f64_##LEVEL}, line_f32_##LEVEL, line_f64_##LEVEL}
static const functions *find_functions(void) {
    static const functions base = FUNCTIONS(base);
#if defined(__x86_64__)
    static const functions v4 = FUNCTIONS(v4), v3 = FUNCTIONS(v3);
    static _Atomic(const functions *) known = NULL;
    const functions *found = atomic_load_explicit(&known, memory_order_relaxed);
    if (!found) {
        found = strcmp(apus_cpu_level(), "avx512") == 0 ? &v4 : strcmp(apus_cpu_level(), "avx2") == 0 ? &v3 : &base;
        atomic_store_explicit(&known, found, memory_order_relaxed);
    }
    return found;
#else
    return &base;
#endif
}

void apus_fft_line(const apus_fft_plan *p, const void *line, void *out, void *scratch) {
    int64_t n = p->n;
    if (p->dtype == APUS_FLOAT32) find_functions()->line_f32(p, line, (const float *)line + n, 1, out, (float *)out + n, 1, 1, scratch);
    else find_functions()->line_f64(p, line, (const double *)line + n, 1, out, (double *)out + n, 1, 1, scratch);
}

/// The dimension whose lines go side by side: the nearest that has enough of them, else the longest.
static int inner_dimension(int32_t dim, const apus_view *out) {
    int best = -1;
    for (int d = 0; d < out->rank; d++) {
        if (d == dim) continue;
        bool better = best < 0;
        if (!better) {
            int64_t size = out->sizes[d], other = out->sizes[best];
            bool enough = size >= APUS_FFT_WIDTH, had = other >= APUS_FFT_WIDTH;
            better = enough != had ? enough : enough ? llabs(out->strides[d]) <= llabs(out->strides[best]) : size > other;
        }
        if (better) best = d;
    }
    return best;
}

int apus_fft(const apus_fft_plan *plan, bool is_forward, double scale, int32_t dim, const apus_view *in, const apus_view *out) {
    bool single = plan->dtype == APUS_FLOAT32;
    int32_t real = plan->dtype, complex = single ? APUS_COMPLEX64 : APUS_COMPLEX128;
    kind kind = in->dtype == real ? FROM_REAL : out->dtype == real ? TO_REAL : COMPLEX;
    if (in->dtype != (kind == FROM_REAL ? real : complex) || out->dtype != (kind == TO_REAL ? real : complex)) return APUS_UNSUPPORTED;
    if (in->rank != out->rank || dim < 0 || dim >= in->rank || plan->is_real != (kind != COMPLEX)) return APUS_INVALID_ARGUMENT;
    if (in->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    int64_t n = plan->n;
    for (int d = 0; d < in->rank; d++) {
        int64_t from = d != dim ? out->sizes[d] : kind == TO_REAL ? n / 2 + 1 : n, to = d != dim ? from : kind == FROM_REAL ? n / 2 + 1 : n;
        if (in->sizes[d] != from || out->sizes[d] != to) return APUS_INVALID_ARGUMENT;
    }
    if (apus_view_count(out) == 0) return APUS_OK;
    const apus_fft_plan *inner = plan->half ? plan->half : plan;
    int64_t from_width = kind == FROM_REAL ? 1 : 2, to_width = kind == TO_REAL ? 1 : 2, item = apus_dtype_size(real), side = APUS_FFT_SIDE(item);
    job j = {.plan = plan, .kind = kind, .is_forward = is_forward, .scale = scale, .in = in->data, .out = out->data,
             .in_apart = in->strides[dim] * from_width, .out_apart = out->strides[dim] * to_width, .inner = 1, .chunks = 1};
    int64_t length = inner->convolution ? inner->convolution->n : inner->n;
    bool is_short = inner->convolution ? length <= SHORT_CONVOLUTION : length * item < SHORT || inner->rows.stages == 0;
    j.is_alone = 2 * length * item > SIDE_BY_SIDE || (dim == in->rank - 1 && !is_short);
    j.is_far = (apus_view_count(in) * from_width + apus_view_count(out) * to_width) * item >= FAR;
    int beside = inner_dimension(dim, out);
    if (beside >= 0) {
        j.inner = out->sizes[beside], j.in_between = in->strides[beside] * from_width, j.out_between = out->strides[beside] * to_width;
        j.chunks = j.is_alone ? j.inner : (j.inner - 1) / side + 1;
    }
    int64_t tasks = j.chunks;
    for (int d = 0; d < in->rank; d++) {
        if (d == dim || d == beside) continue;
        j.sizes[j.outer] = out->sizes[d], j.in_strides[j.outer] = in->strides[d] * from_width, j.out_strides[j.outer] = out->strides[d] * to_width;
        tasks *= out->sizes[d];
        j.outer++;
    }
    apus_parallel_for(tasks, 8192 / (n * (j.is_alone ? 1 : side)) + 1, find_functions()->lines[!single], &j);
    return atomic_load(&j.status);
}

int apus_fft_mirror(int32_t dim, const apus_view *out) {
    if (!apus_dtype_is_complex(out->dtype) || dim < 0 || dim >= out->rank) return APUS_INVALID_ARGUMENT;
    if (out->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    int64_t n = out->sizes[dim], sizes[APUS_MAX_RANK], strides[APUS_MAX_RANK], step = out->strides[dim] * apus_dtype_size(out->dtype);
    memcpy(sizes, out->sizes, (size_t)out->rank * 8);
    memcpy(strides, out->strides, (size_t)out->rank * 8);
    sizes[dim] = n - n / 2 - 1;
    if (sizes[dim] <= 0) return APUS_OK;
    strides[dim] = -strides[dim];
    apus_view from = {(char *)out->data + step, sizes, out->strides, out->rank, out->dtype};
    apus_view to = {(char *)out->data + (n - 1) * step, sizes, strides, out->rank, out->dtype};
    return apus_unary(APUS_OP_CONJUGATE, out->dtype, NULL, &from, &to);
}
