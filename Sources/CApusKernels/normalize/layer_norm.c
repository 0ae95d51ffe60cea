/// Layer norm and RMS norm, forward and backward.
#include "rows.h"
#include <stdatomic.h>

#define T float
#define NAME(x) x##_f32
#include "affine_rows.inc"
#include "layer_norm.inc"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "affine_rows.inc"
#include "layer_norm.inc"

enum { BACKWARD_PARTS = 16 };

typedef struct {
    int64_t rows, columns;
    double epsilon;
    int32_t work;
    const apus_view *in, *out, *grad, *mean, *rstd;
    const void *weight, *bias; // packed, work dtype, or null
    bool rms;
    char *partials; // per part: weight sums, then bias sums
    int64_t part_rows;
    _Atomic int status;
} job;

static void set_status(job *j, int status) { atomic_store_explicit(&j->status, status, memory_order_relaxed); }

static char *row_of(const apus_view *v, int64_t row, int64_t columns) { return (char *)v->data + row * columns * apus_dtype_size(v->dtype); }

/// A packed vector in the work dtype: the view's memory, or `*owned`. Returns false when memory has run out.
static bool packed(const apus_view *v, int64_t n, int32_t work, const void **out, void **owned) {
    *owned = NULL;
    *out = NULL;
    if (!v) return true;
    if (v->dtype == work) {
        *out = v->data;
        return true;
    }
    *owned = apus_allocate(n * 8);
    if (!*owned) return false;
    apus_cast_loop(v->dtype, work)(*owned, v->data, NULL, NULL, n, NULL);
    *out = *owned;
    return true;
}

static void store(const apus_view *v, int64_t i, double value) {
    if (v) apus_cast_loop(APUS_FLOAT64, v->dtype)((char *)v->data + i * apus_dtype_size(v->dtype), &value, NULL, NULL, 1, NULL);
}
static double load(const apus_view *v, int64_t i) {
    double value;
    apus_cast_loop(v->dtype, APUS_FLOAT64)(&value, (const char *)v->data + i * apus_dtype_size(v->dtype), NULL, NULL, 1, NULL);
    return value;
}

static void forward_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    int64_t n = j->columns, item = apus_dtype_size(j->in->dtype), out_item = apus_dtype_size(j->out->dtype);
    bool direct = j->in->dtype == j->work && j->out->dtype == j->work;
    char *scratch = direct ? NULL : apus_allocate(2 * n * 8);
    if (!direct && !scratch) {
        set_status(j, APUS_OUT_OF_MEMORY);
        return;
    }
    for (int64_t r = begin; r < end; r++) {
        const void *a = apus_row_in(row_of(j->in, r, n), item, n, j->in->dtype, j->work, scratch);
        char *target = row_of(j->out, r, n);
        void *o = apus_row_target(target, out_item, n, j->out->dtype, j->work, direct ? NULL : scratch + n * 8);
        double mean = 0, rstd = 0;
        if (j->rms && j->work == APUS_FLOAT32) rms_norm_row_f32(a, o, n, j->epsilon, j->weight);
        else if (j->rms) rms_norm_row_f64(a, o, n, j->epsilon, j->weight);
        else if (j->work == APUS_FLOAT32) layer_norm_row_f32(a, o, n, j->epsilon, j->weight, j->bias, &mean, &rstd);
        else layer_norm_row_f64(a, o, n, j->epsilon, j->weight, j->bias, &mean, &rstd);
        apus_row_out(target, out_item, n, j->out->dtype, j->work, o);
        if (j->mean) store(j->mean, r, mean);
        if (j->rstd) store(j->rstd, r, rstd);
    }
    apus_free(scratch);
}

static int forward(job *j, const apus_view *weight, const apus_view *bias) {
    if (!apus_dtype_is_floating(j->in->dtype) || !apus_dtype_is_floating(j->out->dtype)) return APUS_UNSUPPORTED;
    if (!apus_has_count(j->in, j->rows, j->columns) || !apus_has_count(j->out, j->rows, j->columns) || !apus_has_count(weight, j->columns, 1) ||
        !apus_has_count(bias, j->columns, 1) || !apus_has_count(j->mean, j->rows, 1) || !apus_has_count(j->rstd, j->rows, 1))
        return APUS_INVALID_ARGUMENT;
    j->work = apus_work_dtype(j->in->dtype);
    void *owned_weight = NULL, *owned_bias = NULL;
    bool ok = packed(weight, j->columns, j->work, &j->weight, &owned_weight) && packed(bias, j->columns, j->work, &j->bias, &owned_bias);
    if (ok) apus_parallel_for(j->rows, 16384 / APUS_MAX(j->columns, 1) + 1, forward_range, j);
    apus_free(owned_weight);
    apus_free(owned_bias);
    return ok ? atomic_load_explicit(&j->status, memory_order_relaxed) : APUS_OUT_OF_MEMORY;
}

int apus_layer_norm(int64_t rows, int64_t columns, double epsilon, const apus_view *in, const apus_view *weight, const apus_view *bias, const apus_view *out,
                    const apus_view *mean, const apus_view *rstd) {
    job j = {.rows = rows, .columns = columns, .epsilon = epsilon, .in = in, .out = out, .mean = mean, .rstd = rstd};
    return forward(&j, weight, bias);
}

int apus_rms_norm(int64_t rows, int64_t columns, double epsilon, const apus_view *in, const apus_view *weight, const apus_view *out) {
    job j = {.rows = rows, .columns = columns, .epsilon = epsilon, .in = in, .out = out, .rms = true};
    return forward(&j, weight, NULL);
}

static void backward_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    int64_t n = j->columns, wide = apus_dtype_size(j->work);
    char *scratch = apus_allocate(3 * n * 8);
    if (!scratch) {
        set_status(j, APUS_OUT_OF_MEMORY);
        return;
    }
    for (int64_t part = begin; part < end; part++) {
        char *weight_sum = j->partials ? j->partials + part * 2 * n * wide : NULL, *bias_sum = weight_sum + n * wide;
        if (weight_sum) memset(weight_sum, 0, (size_t)(2 * n * wide));
        for (int64_t r = part * j->part_rows; r < APUS_MIN((part + 1) * j->part_rows, j->rows); r++) {
            const void *g = apus_row_in(row_of(j->grad, r, n), apus_dtype_size(j->grad->dtype), n, j->grad->dtype, j->work, scratch);
            const void *a = apus_row_in(row_of(j->in, r, n), apus_dtype_size(j->in->dtype), n, j->in->dtype, j->work, scratch + n * 8);
            double mean = load(j->mean, r), rstd = load(j->rstd, r);
            if (weight_sum && j->work == APUS_FLOAT32) accumulate_f32(g, a, n, (float)mean, (float)rstd, (float *)weight_sum, (float *)bias_sum);
            else if (weight_sum) accumulate_f64(g, a, n, mean, rstd, (double *)weight_sum, (double *)bias_sum);
            if (!j->out) continue;
            char *target = row_of(j->out, r, n);
            int64_t item = apus_dtype_size(j->out->dtype);
            void *o = apus_row_target(target, item, n, j->out->dtype, j->work, scratch + 2 * n * 8);
            if (j->work == APUS_FLOAT32) layer_norm_grad_row_f32(g, a, o, n, mean, rstd, j->weight);
            else layer_norm_grad_row_f64(g, a, o, n, mean, rstd, j->weight);
            apus_row_out(target, item, n, j->out->dtype, j->work, o);
        }
    }
    apus_free(scratch);
}

int apus_layer_norm_backward(int64_t rows, int64_t columns, const apus_view *grad, const apus_view *in, const apus_view *mean, const apus_view *rstd,
                             const apus_view *weight, const apus_view *grad_in, const apus_view *grad_weight, const apus_view *grad_bias) {
    if (!apus_dtype_is_floating(in->dtype) || !apus_dtype_is_floating(grad->dtype)) return APUS_UNSUPPORTED;
    if (!apus_has_count(grad, rows, columns) || !apus_has_count(in, rows, columns) || !apus_has_count(grad_in, rows, columns) || !apus_has_count(mean, rows, 1) ||
        !apus_has_count(rstd, rows, 1) || !apus_has_count(weight, columns, 1) || !apus_has_count(grad_weight, columns, 1) || !apus_has_count(grad_bias, columns, 1))
        return APUS_INVALID_ARGUMENT;
    job j = {.rows = rows, .columns = columns, .in = in, .grad = grad, .mean = mean, .rstd = rstd, .out = grad_in, .work = apus_work_dtype(in->dtype)};
    int64_t parts = APUS_MAX(1, APUS_MIN(BACKWARD_PARTS, rows)), wide = apus_dtype_size(j.work);
    j.part_rows = (rows + parts - 1) / parts;
    bool sums = grad_weight || grad_bias;
    void *owned = NULL;
    bool ok = packed(weight, columns, j.work, &j.weight, &owned);
    if (sums && ok) {
        j.partials = apus_allocate(parts * 2 * columns * wide);
        ok = j.partials != NULL;
        if (ok) memset(j.partials, 0, (size_t)(parts * 2 * columns * wide));
    }
    if (ok) apus_parallel_for(parts, APUS_MAX(1, 8192 / (j.part_rows * columns + 1)), backward_range, &j);
    for (int64_t c = 0; ok && sums && c < columns; c++) {
        double w = 0, b = 0;
        for (int64_t p = 0; p < parts; p++) {
            const char *base = j.partials + (p * 2 * columns + c) * wide;
            w += wide == 4 ? (double)*(const float *)base : *(const double *)base;
            base += columns * wide;
            b += wide == 4 ? (double)*(const float *)base : *(const double *)base;
        }
        store(grad_weight, c, w);
        store(grad_bias, c, b);
    }
    apus_free(j.partials);
    apus_free(owned);
    return ok ? atomic_load_explicit(&j.status, memory_order_relaxed) : APUS_OUT_OF_MEMORY;
}
