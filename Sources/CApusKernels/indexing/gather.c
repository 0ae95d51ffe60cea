/// gather, scatter: one index per element.
#include "elements.h"
#include <stdatomic.h>

typedef struct {
    const apus_plan *plan; // operands: base (without the indexed dimension's step), index, other
    int64_t size, step;
    _Atomic int status;
    _Atomic int64_t bad;
} job;

/// The view with a stride of 0 along `dim` and the sizes of `shape`: its elements' addresses but for the indexed dimension.
static apus_view base_of(const apus_view *v, const apus_view *shape, int32_t dim, int64_t *strides) {
    for (int32_t d = 0; d < v->rank; d++) strides[d] = d == dim ? 0 : v->strides[d];
    return (apus_view){v->data, shape->sizes, strides, v->rank, v->dtype};
}

static void fail(job *j, int64_t value) {
    atomic_store_explicit(&j->bad, value, memory_order_relaxed);
    atomic_store_explicit(&j->status, APUS_INDEX_OUT_OF_BOUNDS, memory_order_relaxed);
}

#define GATHER(TYPE)                                                                                                                           \
    for (int64_t c = 0; c < n; c++) {                                                                                                           \
        int64_t i = apus_index_at(index + c * si, index_dtype);                                                                                 \
        if ((uint64_t)i >= (uint64_t)j->size) {                                                                                                 \
            fail(j, i);                                                                                                                         \
            return;                                                                                                                             \
        }                                                                                                                                       \
        memcpy(out + c * so, base + c * sb + i * j->step, sizeof(TYPE));                                                                        \
    }                                                                                                                                           \
    break;

static void gather_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_plan *p = j->plan;
    int32_t inner = p->rank - 1, index_dtype = p->dtypes[1];
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int64_t n = inner < 0 ? 1 : p->sizes[inner];
    int64_t sb = inner < 0 ? 0 : p->strides[inner][0], si = inner < 0 ? 0 : p->strides[inner][1], so = inner < 0 ? 0 : p->strides[inner][2];
    int32_t outer = inner < 0 ? 0 : inner;
    apus_plan_offsets(p, outer, begin, coordinates, offsets);
    for (int64_t r = begin; r < end; r++) {
        const char *base = p->data[0] + offsets[0], *index = p->data[1] + offsets[1];
        char *out = p->data[2] + offsets[2];
        switch (p->item[0]) {
        case 1: GATHER(uint8_t)
        case 2: GATHER(uint16_t)
        case 4: GATHER(uint32_t)
        case 8: GATHER(uint64_t)
        default: GATHER(apus_c128)
        }
        apus_plan_next(p, outer, coordinates, offsets);
    }
}

/// Checks the views of gather and scatter. Scalars count as vectors of one.
static int check(int32_t dim, const apus_view *data, const apus_view *index, const apus_view *other) {
    if (!apus_dtype_is_index(index->dtype) || !apus_dtype_is_valid(data->dtype) || data->dtype != other->dtype) return APUS_UNSUPPORTED;
    if (data->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    if (index->rank != data->rank || (other->rank != data->rank && other->rank != 0)) return APUS_INVALID_ARGUMENT;
    if (data->rank == 0) return dim == 0 ? APUS_OK : APUS_INVALID_ARGUMENT;
    if (dim < 0 || dim >= data->rank) return APUS_INVALID_ARGUMENT;
    for (int32_t d = 0; d < data->rank; d++)
        if (d != dim && index->sizes[d] > data->sizes[d]) return APUS_INVALID_ARGUMENT;
    return APUS_OK;
}

int apus_gather(int32_t dim, const apus_view *in, const apus_view *index, const apus_view *out, int64_t *bad_index) {
    int status = check(dim, in, index, out);
    if (status != APUS_OK) return status;
    int64_t strides[APUS_MAX_RANK];
    apus_view base = base_of(in, index, dim, strides);
    const apus_view *views[] = {&base, index, out};
    apus_plan plan;
    status = apus_plan_make(&plan, views, 3, true);
    if (status != APUS_OK || plan.count == 0) return status;
    job j = {.plan = &plan, .size = in->rank == 0 ? 1 : in->sizes[dim], .step = in->rank == 0 ? 0 : in->strides[dim] * plan.item[0]};
    int64_t n = plan.rank == 0 ? 1 : plan.sizes[plan.rank - 1];
    apus_parallel_for(plan.count / n, 16384 / n + 1, gather_range, &j);
    status = atomic_load(&j.status);
    return status == APUS_INDEX_OUT_OF_BOUNDS ? apus_bad_index(atomic_load(&j.bad), bad_index) : status;
}

typedef struct {
    const apus_plan *plan; // operands: source, index, out (without the indexed dimension's step)
    apus_update update;
    int64_t size, step, length, index_step, source_step;
    bool adds_floats;
    _Atomic int status;
    _Atomic int64_t bad;
} scatter_job;

/// Lines along the indexed dimension: different lines write different elements, so they may run at once; within a line the order is kept.
static void scatter_range(void *context, int64_t begin, int64_t end) {
    scatter_job *j = context;
    const apus_plan *p = j->plan;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int32_t index_dtype = p->dtypes[1];
    apus_plan_offsets(p, p->rank, begin, coordinates, offsets);
    for (int64_t line = begin; line < end; line++) {
        const char *source = p->data[0] + offsets[0], *index = p->data[1] + offsets[1];
        char *out = p->data[2] + offsets[2];
        for (int64_t e = 0; e < j->length; e++) {
            int64_t i = apus_index_at(index + e * j->index_step, index_dtype);
            if ((uint64_t)i >= (uint64_t)j->size) {
                atomic_store_explicit(&j->bad, i, memory_order_relaxed);
                atomic_store_explicit(&j->status, APUS_INDEX_OUT_OF_BOUNDS, memory_order_relaxed);
                return;
            }
            if (j->adds_floats) *(float *)(out + i * j->step) += *(const float *)(source + e * j->source_step);
            else j->update(out + i * j->step, source + e * j->source_step);
        }
        apus_plan_next(p, p->rank, coordinates, offsets);
    }
}

int apus_scatter(apus_scatter_op op, int32_t dim, const apus_view *index, const apus_view *source, const apus_view *out, int64_t *bad_index) {
    int status = check(dim, out, index, source);
    if (status != APUS_OK) return status;
    apus_update update = apus_find_update(op, out->dtype);
    if (!update) return APUS_UNSUPPORTED;
    scatter_job j = {.update = update, .size = 1, .length = 1, .adds_floats = op == APUS_SCATTER_ADD && out->dtype == APUS_FLOAT32};
    int64_t sizes[APUS_MAX_RANK], item = apus_dtype_size(out->dtype);
    apus_view base = *out, cut = *source, walked = *index;
    if (index->rank > 0) {
        memcpy(sizes, index->sizes, sizeof(int64_t) * (size_t)index->rank);
        j.length = sizes[dim];
        sizes[dim] = 1;
        j.size = out->sizes[dim];
        j.step = out->strides[dim] * item;
        j.index_step = index->strides[dim] * apus_dtype_size(index->dtype);
        base.sizes = walked.sizes = sizes;
        if (source->rank > 0) {
            for (int32_t d = 0; d < index->rank; d++)
                if (source->sizes[d] < index->sizes[d]) return APUS_INVALID_ARGUMENT;
            j.source_step = source->strides[dim] * item;
            cut.sizes = sizes;
        }
    }
    const apus_view *views[] = {&cut, &walked, &base};
    apus_plan plan;
    status = apus_plan_make(&plan, views, 3, true);
    if (status != APUS_OK || plan.count == 0 || j.length == 0) return status;
    j.plan = &plan;
    apus_parallel_for(plan.count, 16384 / j.length + 1, scatter_range, &j);
    status = atomic_load(&j.status);
    return status == APUS_INDEX_OUT_OF_BOUNDS ? apus_bad_index(atomic_load(&j.bad), bad_index) : status;
}
