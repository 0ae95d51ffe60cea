/// Softmax and its logarithm along any dimension, forward and backward.
#include "../math/float32.h"
#include "../support/plan.h"
#include "rows.h"
#include <stdatomic.h>

#define T float
#define NAME(x) x##_f32
#define EXP(x) apus_exp_f32(x)
#include "softmax_rows.inc"
#undef T
#undef NAME
#undef EXP
#define T double
#define NAME(x) x##_f64
#define EXP(x) apus_exp_f64(x)
#include "softmax_rows.inc"

typedef struct {
    const apus_plan *plan; // all dimensions but the normalised one
    int32_t operands, work;
    int64_t length, step[3];
    bool logarithm;
    _Atomic int status;
} job;

static void one_row(const job *j, char *const *data, char *scratch) {
    const apus_plan *p = j->plan;
    int64_t n = j->length, bytes = (n * 8 + 63) / 64 * 64;
    const void *in[2] = {NULL, NULL};
    int32_t last = j->operands - 1;
    for (int32_t k = 0; k < last; k++) in[k] = apus_row_in(data[k], j->step[k], n, p->dtypes[k], j->work, scratch + k * bytes);
    void *out = apus_row_target(data[last], j->step[last], n, p->dtypes[last], j->work, scratch + 2 * bytes);
    if (last == 1) {
        if (j->work == APUS_FLOAT32) softmax_f32(in[0], out, n, j->logarithm);
        else softmax_f64(in[0], out, n, j->logarithm);
    } else {
        if (j->work == APUS_FLOAT32) softmax_backward_f32(in[0], in[1], out, n, j->logarithm);
        else softmax_backward_f64(in[0], in[1], out, n, j->logarithm);
    }
    apus_row_out(data[last], j->step[last], n, p->dtypes[last], j->work, out);
}

static void softmax_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_plan *p = j->plan;
    int64_t bytes = (j->length * 8 + 63) / 64 * 64;
    char *scratch = apus_allocate(3 * bytes);
    if (!scratch) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_plan_offsets(p, p->rank, begin, coordinates, offsets);
    for (int64_t i = begin; i < end; i++) {
        char *data[3];
        for (int32_t k = 0; k < j->operands; k++) data[k] = p->data[k] + offsets[k];
        one_row(j, data, scratch);
        apus_plan_next(p, p->rank, coordinates, offsets);
    }
    apus_free(scratch);
}

static int run(bool logarithm, int32_t dim, const apus_view *const *views, int32_t count) {
    const apus_view *out = views[count - 1];
    int64_t sizes[64], one = 1;
    apus_view cut[3], widened[3];
    const apus_view *pointers[3];
    job j = {.operands = count, .logarithm = logarithm, .work = APUS_FLOAT32};
    for (int32_t k = 0; k < count; k++) {
        if (!apus_dtype_is_floating(views[k]->dtype)) return APUS_UNSUPPORTED;
        if (views[k]->dtype == APUS_FLOAT64) j.work = APUS_FLOAT64;
        widened[k] = *views[k];
        if (out->rank == 0) { // a scalar is a row of one
            widened[k].rank = 1;
            widened[k].sizes = widened[k].strides = &one;
        }
    }
    out = &widened[count - 1];
    if (dim < 0 || dim >= out->rank || out->rank > 64) return APUS_INVALID_ARGUMENT;
    memcpy(sizes, out->sizes, sizeof(int64_t) * (size_t)out->rank);
    j.length = sizes[dim];
    sizes[dim] = 1;
    for (int32_t k = 0; k < count; k++) {
        if (widened[k].rank != out->rank || widened[k].sizes[dim] != j.length) return APUS_INVALID_ARGUMENT;
        j.step[k] = widened[k].strides[dim] * apus_dtype_size(widened[k].dtype);
        cut[k] = widened[k];
        cut[k].sizes = sizes;
        pointers[k] = &cut[k];
    }
    apus_plan plan;
    int status = apus_plan_make(&plan, pointers, count, true);
    if (status != APUS_OK || plan.count == 0 || j.length == 0) return status;
    j.plan = &plan;
    apus_parallel_for(plan.count, 8192 / j.length + 1, softmax_range, &j);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}

int apus_softmax(bool logarithm, int32_t dim, const apus_view *in, const apus_view *out) {
    const apus_view *views[] = {in, out};
    return run(logarithm, dim, views, 2);
}

int apus_softmax_backward(bool logarithm, int32_t dim, const apus_view *grad, const apus_view *result, const apus_view *out) {
    const apus_view *views[] = {grad, result, out};
    return run(logarithm, dim, views, 3);
}
