/// Pooling and interpolation over contiguous planes; halves go through float32 copies of a plane, integers through int64.
#include "../pointwise/loops.h"
#include <stdatomic.h>

/// Positions that float32 counts one by one, with halves between them.
#define COUNTED_POSITIONS (1 << 23)

#define T float
#define NAME(x) x##_f32
#define LOWEST (-INFINITY)
#define IS_NAN(x) ((x) != (x))
#define SUM double
#define DIVIDED(sum, count) (T)((sum) / (double)(count))
#include "pooling.inc"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#define LOWEST (-(double)INFINITY)
#define IS_NAN(x) ((x) != (x))
#define SUM double
#define DIVIDED(sum, count) ((sum) / (double)(count))
#include "pooling.inc"
#undef T
#undef NAME
/// Towards zero, and without the trap of the smallest number over -1.
static int64_t divided(uint64_t sum, int64_t count) { return count == -1 ? (int64_t)(0 - sum) : (int64_t)sum / count; }
#define WHOLE_NUMBERS
#define T int64_t
#define NAME(x) x##_i64
#define LOWEST INT64_MIN
#define IS_NAN(x) false
#define SUM uint64_t
#define DIVIDED(sum, count) divided(sum, count)
#include "pooling.inc"

typedef enum { MAX_POOL, AVG_POOL, AVG_POOL_BACKWARD, ADAPTIVE_AVG, ADAPTIVE_AVG_BACKWARD, ADAPTIVE_MAX, NEAREST, LINEAR } kind;

typedef struct {
    kind kind;
    const apus_pooling *pool;
    int32_t dtype;
    bool count_pad, align;
    int64_t divisor, in_count, out_count; // elements per plane
    const double *scale;
    const char *in;
    char *out;
    int64_t *indices;
    _Atomic int status;
} job;

static void plane_f32(const job *j, const float *in, float *out, int64_t *indices) {
    const apus_pooling *p = j->pool;
    switch (j->kind) {
    case MAX_POOL: indices ? max_pool_f32(p, in, out, indices) : max_values_f32(p, in, out); break;
    case AVG_POOL: avg_pool_f32(p, false, j->count_pad, j->divisor, in, out); break;
    case AVG_POOL_BACKWARD: avg_pool_f32(p, true, j->count_pad, j->divisor, in, out); break;
    case ADAPTIVE_AVG: adaptive_avg_f32(p, false, in, out); break;
    case ADAPTIVE_AVG_BACKWARD: adaptive_avg_f32(p, true, in, out); break;
    case ADAPTIVE_MAX: adaptive_max_f32(p, in, out, indices); break;
    case NEAREST: upsample_f32(p, true, false, j->scale, in, out); break;
    case LINEAR: upsample_f32(p, false, j->align, j->scale, in, out); break;
    }
}
static void plane_f64(const job *j, const double *in, double *out, int64_t *indices) {
    const apus_pooling *p = j->pool;
    switch (j->kind) {
    case MAX_POOL: indices ? max_pool_f64(p, in, out, indices) : max_values_f64(p, in, out); break;
    case AVG_POOL: avg_pool_f64(p, false, j->count_pad, j->divisor, in, out); break;
    case AVG_POOL_BACKWARD: avg_pool_f64(p, true, j->count_pad, j->divisor, in, out); break;
    case ADAPTIVE_AVG: adaptive_avg_f64(p, false, in, out); break;
    case ADAPTIVE_AVG_BACKWARD: adaptive_avg_f64(p, true, in, out); break;
    case ADAPTIVE_MAX: adaptive_max_f64(p, in, out, indices); break;
    case NEAREST: upsample_f64(p, true, false, j->scale, in, out); break;
    case LINEAR: upsample_f64(p, false, j->align, j->scale, in, out); break;
    }
}

static void plane_i64(const job *j, const int64_t *in, int64_t *out, int64_t *indices) {
    const apus_pooling *p = j->pool;
    if (j->kind == AVG_POOL) avg_pool_i64(p, false, j->count_pad, j->divisor, in, out);
    else if (indices) max_pool_i64(p, in, out, indices);
    else max_values_i64(p, in, out);
}

static void plane_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    int64_t item = apus_dtype_size(j->dtype);
    bool integer = apus_dtype_is_integer(j->dtype), half = item == 2 && !integer;
    char *scratch = half || integer ? apus_allocate((j->in_count + j->out_count) * (integer ? 8 : 4)) : NULL;
    if ((half || integer) && !scratch) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    for (int64_t p = begin; p < end; p++) {
        const char *in = j->in + p * j->in_count * item;
        char *out = j->out + p * j->out_count * item;
        int64_t *indices = j->indices ? j->indices + p * j->out_count : NULL;
        if (half) {
            float *wide = (float *)scratch, *result = wide + j->in_count;
            apus_cast_loop(j->dtype, APUS_FLOAT32)(wide, in, NULL, NULL, j->in_count, NULL);
            plane_f32(j, wide, result, indices);
            apus_cast_loop(APUS_FLOAT32, j->dtype)(out, result, NULL, NULL, j->out_count, NULL);
        } else if (integer) {
            int64_t *wide = (int64_t *)scratch, *result = wide + j->in_count;
            apus_cast_loop(j->dtype, APUS_INT64)(wide, in, NULL, NULL, j->in_count, NULL);
            plane_i64(j, wide, result, indices);
            apus_cast_loop(APUS_INT64, j->dtype)(out, result, NULL, NULL, j->out_count, NULL);
        } else if (j->dtype == APUS_FLOAT32) {
            plane_f32(j, (const float *)in, (float *)out, indices);
        } else {
            plane_f64(j, (const double *)in, (double *)out, indices);
        }
    }
    apus_free(scratch);
}

static int run(job *j, bool backward, bool windows) {
    const apus_pooling *p = j->pool;
    bool takes_integers = j->kind == MAX_POOL || j->kind == AVG_POOL;
    if (!apus_dtype_is_floating(j->dtype) && !(takes_integers && apus_dtype_is_integer(j->dtype))) return APUS_UNSUPPORTED;
    int64_t in = 1, out = 1, window = 1;
    for (int d = 0; d < 3; d++) {
        if (p->in_size[d] < 0 || p->out_size[d] < 0) return APUS_INVALID_ARGUMENT;
        if (windows && (p->kernel[d] < 1 || p->stride[d] < 1 || p->padding[d] < 0 || p->dilation[d] < 1)) return APUS_INVALID_ARGUMENT;
        if (windows && p->out_size[d] > 0) {
            // Every window must start inside the input or its padding.
            int64_t start;
            if (__builtin_mul_overflow(p->out_size[d] - 1, p->stride[d], &start) || start >= p->in_size[d] + p->padding[d]) return APUS_INVALID_ARGUMENT;
            int64_t span;
            if (__builtin_mul_overflow(p->kernel[d] - 1, p->dilation[d], &span) || p->padding[d] > (span + 1) / 2) return APUS_INVALID_ARGUMENT;
        }
        if (__builtin_mul_overflow(in, p->in_size[d], &in) || __builtin_mul_overflow(out, p->out_size[d], &out)) return APUS_INVALID_ARGUMENT;
        if (windows) window *= APUS_MIN(p->kernel[d], 1024);
    }
    if (p->planes <= 0 || (out == 0 && !backward)) return APUS_OK;
    if (in == 0) return backward ? APUS_OK : APUS_INVALID_ARGUMENT;
    j->in_count = backward ? out : in;
    j->out_count = backward ? in : out;
    apus_parallel_for(p->planes, 16384 / APUS_MAX(out * window, 1) + 1, plane_range, j);
    return atomic_load_explicit(&j->status, memory_order_relaxed);
}

int64_t apus_pool_out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil_mode) {
    int64_t limit = INT64_MAX / 8, span;
    if (in < 0 || kernel < 1 || stride < 1 || padding < 0 || dilation < 1 || in > limit || padding > limit || stride > limit) return -1;
    if (__builtin_mul_overflow(dilation, kernel - 1, &span) || span > limit) return -1;
    int64_t room = in + 2 * padding - span - 1 + (ceil_mode ? stride - 1 : 0);
    if (room < 0) return -1;
    int64_t size = room / stride + 1;
    if (ceil_mode && (size - 1) * stride >= in + padding) size--;
    return size;
}

int apus_max_pool(const apus_pooling *pool, int32_t dtype, const void *in, void *out, int64_t *indices) {
    job j = {.kind = MAX_POOL, .pool = pool, .dtype = dtype, .in = in, .out = out, .indices = indices};
    return run(&j, false, true);
}

typedef struct {
    const char *grad;
    const int64_t *indices;
    char *out;
    int32_t dtype;
    int64_t in, count; // elements of a plane, and of its result
    _Atomic int64_t bad;
    _Atomic bool is_bad;
} back_job;

static void back_range(void *context, int64_t begin, int64_t end) {
    back_job *j = context;
    int64_t item = apus_dtype_size(j->dtype);
    for (int64_t p = begin; p < end; p++) {
        const char *grad = j->grad + p * j->count * item;
        const int64_t *indices = j->indices + p * j->count;
        char *out = j->out + p * j->in * item;
        int64_t at = j->dtype == APUS_FLOAT32 ? max_back_f32((const float *)grad, indices, j->count, j->in, (float *)out) : max_back_f64((const double *)grad, indices, j->count, j->in, (double *)out);
        if (at < 0) continue;
        atomic_store_explicit(&j->bad, indices[at], memory_order_relaxed);
        atomic_store_explicit(&j->is_bad, true, memory_order_relaxed);
    }
}

int apus_max_pool_backward(const apus_pooling *pool, int32_t dtype, const void *grad, const int64_t *indices, void *grad_in, int64_t *bad_index) {
    int64_t in = 1, out = 1;
    for (int d = 0; d < 3; d++) {
        in *= pool->in_size[d];
        out *= pool->out_size[d];
    }
    if (dtype == APUS_FLOAT32 || dtype == APUS_FLOAT64) {
        back_job j = {.grad = grad, .indices = indices, .out = grad_in, .dtype = dtype, .in = in, .count = out};
        apus_parallel_for(pool->planes, 16384 / APUS_MAX(1, in + out) + 1, back_range, &j);
        if (j.is_bad && bad_index) *bad_index = j.bad;
        return j.is_bad ? APUS_INDEX_OUT_OF_BOUNDS : APUS_OK;
    }
    int64_t sizes[2] = {pool->planes, out}, strides[2] = {out, 1}, in_sizes[2] = {pool->planes, in}, in_strides[2] = {in, 1};
    apus_view index = {(void *)(uintptr_t)indices, sizes, strides, 2, APUS_INT64}, source = {(void *)(uintptr_t)grad, sizes, strides, 2, dtype};
    apus_view target = {grad_in, in_sizes, in_strides, 2, dtype};
    int status = apus_fill(0, 0, &target);
    return status != APUS_OK ? status : apus_scatter(APUS_SCATTER_ADD, 1, &index, &source, &target, bad_index);
}

int apus_avg_pool(const apus_pooling *pool, int32_t dtype, bool count_include_pad, int64_t divisor_override, const void *in, void *out) {
    job j = {.kind = AVG_POOL, .pool = pool, .dtype = dtype, .count_pad = count_include_pad, .divisor = divisor_override, .in = in, .out = out};
    return run(&j, false, true);
}
int apus_avg_pool_backward(const apus_pooling *pool, int32_t dtype, bool count_include_pad, int64_t divisor_override, const void *grad, void *grad_in) {
    job j = {.kind = AVG_POOL_BACKWARD, .pool = pool, .dtype = dtype, .count_pad = count_include_pad, .divisor = divisor_override, .in = grad, .out = grad_in};
    return run(&j, true, true);
}
int apus_adaptive_avg_pool(const apus_pooling *pool, int32_t dtype, const void *in, void *out) {
    job j = {.kind = ADAPTIVE_AVG, .pool = pool, .dtype = dtype, .in = in, .out = out};
    return run(&j, false, false);
}
int apus_adaptive_avg_pool_backward(const apus_pooling *pool, int32_t dtype, const void *grad, void *grad_in) {
    job j = {.kind = ADAPTIVE_AVG_BACKWARD, .pool = pool, .dtype = dtype, .in = grad, .out = grad_in};
    return run(&j, true, false);
}
int apus_adaptive_max_pool(const apus_pooling *pool, int32_t dtype, const void *in, void *out, int64_t *indices) {
    job j = {.kind = ADAPTIVE_MAX, .pool = pool, .dtype = dtype, .in = in, .out = out, .indices = indices};
    return run(&j, false, false);
}
int apus_upsample_nearest(const apus_pooling *pool, int32_t dtype, const double scale[3], const void *in, void *out) {
    job j = {.kind = NEAREST, .pool = pool, .dtype = dtype, .scale = scale, .in = in, .out = out};
    return run(&j, false, false);
}
int apus_upsample_linear(const apus_pooling *pool, int32_t dtype, bool align_corners, const double scale[3], const void *in, void *out) {
    job j = {.kind = LINEAR, .pool = pool, .dtype = dtype, .align = align_corners, .scale = scale, .in = in, .out = out};
    return run(&j, false, false);
}
