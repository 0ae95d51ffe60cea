/// Distances between the rows of matrices.
#define _GNU_SOURCE
#include "../math/float32.h"

/// Orders that have loops of their own; POWER stands for the others.
typedef enum { ZERO, ONE, TWO, LARGEST, POWER } kind;

/// A block of up to BLOCK rows meets a panel of columns, DEPTH elements of each, ROWS rows at a time: sums stay in registers, the panel in the first-level cache.
/// Of short rows, whose time is that of writing, there are FEW, since each is a place in memory to write at.
enum { ROWS = 4, BLOCK = 64, FEW = 8, SHORT = 16, DEPTH = 256 };

typedef struct {
    int64_t rows, columns, depth, block;
    double p;
    kind kind;
    bool pairs, turned; // `turned`: x and y have changed places
    const void *x, *y, *grad, *distances;
    void *out;
} job;

/// Where the distance of rows a < b stands among those of n.
static int64_t pair(int64_t n, int64_t a, int64_t b) { return a * (2 * n - a - 1) / 2 + b - a - 1; }

typedef float f32x16 __attribute__((vector_size(64)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef int64_t i64x8 __attribute__((vector_size(64)));
#define T float
#define VECTOR f32x16
#define MASK i32x16
#define WIDTH 16
#define NAME(name) name##_f32
#define POW(x, y) apus_pow_f32(x, y)
#define LEAST_SUM 0x1p-90f
#include "distance.inc"
#undef T
#undef VECTOR
#undef MASK
#undef WIDTH
#undef NAME
#undef POW
#undef LEAST_SUM
#define T double
#define VECTOR f64x8
#define MASK i64x8
#define WIDTH 8
#define NAME(name) name##_f64
#define POW(x, y) pow(x, y)
#define LEAST_SUM 0x1p-900
#include "distance.inc"

/// The sizes of a task for views that fit together.
static int prepare(job *j, double p, const apus_view *x, const apus_view *y, const apus_view *distances) {
    if (x->dtype != APUS_FLOAT32 && x->dtype != APUS_FLOAT64) return APUS_UNSUPPORTED;
    if (x->rank != 3 || !(p >= 0) || !apus_view_is_contiguous(x) || distances->dtype != x->dtype || !apus_view_is_contiguous(distances)) return APUS_INVALID_ARGUMENT;
    if (y && (y->rank != 3 || y->dtype != x->dtype || !apus_view_is_contiguous(y) || y->sizes[0] != x->sizes[0] || y->sizes[2] != x->sizes[2])) return APUS_INVALID_ARGUMENT;
    *j = (job){.rows = x->sizes[1], .columns = y ? y->sizes[1] : x->sizes[1], .depth = x->sizes[2], .p = p, .pairs = !y, .x = x->data, .y = y ? y->data : x->data};
    j->kind = p == 0 ? ZERO : p == 1 ? ONE : p == 2 ? TWO : p == (double)INFINITY ? LARGEST : POWER;
    int64_t count = y ? x->sizes[0] * j->rows * j->columns : j->rows * (j->rows - 1) / 2;
    return apus_view_count(distances) == count && (y || x->sizes[0] == 1) ? APUS_OK : APUS_INVALID_ARGUMENT;
}

int apus_distances(double p, const apus_view *x, const apus_view *y, const apus_view *out) {
    job j;
    int status = prepare(&j, p, x, y, out);
    if (status != APUS_OK || apus_view_count(out) == 0) return status;
    j.out = out->data;
    // Few rows are a panel's columns rather than blocks of their own.
    if (y && j.rows < 16 && j.columns > j.rows)
        j = (job){.rows = j.columns, .columns = j.rows, .depth = j.depth, .p = p, .kind = j.kind, .turned = true, .x = j.y, .y = j.x, .out = j.out};
    j.block = j.depth <= SHORT ? FEW : BLOCK;
    int64_t blocks = (j.rows - 1) / j.block + 1, work = APUS_MIN(j.rows, j.block) * j.columns * (j.depth + 1);
    apus_parallel_for(x->sizes[0] * blocks, 65536 / work + 1, x->dtype == APUS_FLOAT32 ? distances_f32 : distances_f64, &j);
    return APUS_OK;
}

int apus_distances_backward(double p, const apus_view *grad, const apus_view *x, const apus_view *y, const apus_view *distances, const apus_view *out) {
    job j;
    int status = prepare(&j, p, x, y, distances);
    if (status == APUS_OK) status = prepare(&j, p, x, y, grad);
    if (status != APUS_OK) return status;
    if (out->dtype != x->dtype || !apus_view_is_contiguous(out) || apus_view_count(out) != apus_view_count(x)) return APUS_INVALID_ARGUMENT;
    if (apus_view_count(out) == 0) return APUS_OK;
    j.grad = grad->data, j.distances = distances->data, j.out = out->data;
    apus_parallel_for(x->sizes[0] * j.rows, 65536 / (j.columns * j.depth + 1) + 1, x->dtype == APUS_FLOAT32 ? gradients_f32 : gradients_f64, &j);
    return APUS_OK;
}
