/// Advanced indexing: index, index_put.
#include "elements.h"
#include <stdatomic.h>

/// Operands of the plan: data (its indexed dimensions with stride 0), values, then the index views, each repeated over the dimensions taken whole.
typedef struct {
    const apus_plan *plan;
    int32_t count;
    int64_t size[64], step[64];
    apus_update update;
    bool put;
    _Atomic int status;
    _Atomic int64_t bad;
} job;

/// The element of data that the indices at some addresses name; null where one of them lies outside.
APUS_INLINE char *place(job *j, char *data, const int64_t *offsets, int64_t e, const int64_t *steps) {
    const apus_plan *p = j->plan;
    for (int32_t k = 0; k < j->count; k++) {
        int64_t i = apus_index_at(p->data[1 + k] + offsets[1 + k] + e * steps[1 + k], p->dtypes[1 + k]), given = i;
        if (i < 0) i += j->size[k];
        if ((uint64_t)i >= (uint64_t)j->size[k]) {
            atomic_store_explicit(&j->bad, given, memory_order_relaxed);
            atomic_store_explicit(&j->status, APUS_INDEX_OUT_OF_BOUNDS, memory_order_relaxed);
            return NULL;
        }
        data += i * j->step[k];
    }
    return data;
}

#define READ(BYTES)                                                                                                                            \
    for (int64_t e = 0; e < n; e++) {                                                                                                           \
        const char *from = place(j, data + e * steps[0], offsets, e, steps);                                                                   \
        if (!from) return false;                                                                                                               \
        memcpy(value + e * steps[values], from, BYTES);                                                                                         \
    }                                                                                                                                           \
    return true;

/// Elements of one line along which the indices differ.
static bool indexed_line(job *j, const int64_t *offsets, const int64_t *steps, int64_t n) {
    const apus_plan *p = j->plan;
    int32_t values = j->count + 1;
    char *data = p->data[0] + offsets[0], *value = p->data[values] + offsets[values];
    if (j->put) {
        for (int64_t e = 0; e < n; e++) {
            char *to = place(j, data + e * steps[0], offsets, e, steps);
            if (!to) return false;
            j->update(to, value + e * steps[values]);
        }
        return true;
    }
    switch (p->item[0]) {
    case 1: READ(1)
    case 2: READ(2)
    case 4: READ(4)
    case 8: READ(8)
    default: READ(16)
    }
}

/// Elements of one line that is taken whole: the indices name its first.
static bool whole_line(job *j, const int64_t *offsets, const int64_t *steps, int64_t n) {
    const apus_plan *p = j->plan;
    int32_t values = j->count + 1;
    int64_t item = p->item[0];
    char *data = place(j, p->data[0] + offsets[0], offsets, 0, steps), *value = p->data[values] + offsets[values];
    if (!data) return false;
    if (j->put)
        for (int64_t e = 0; e < n; e++) j->update(data + e * steps[0], value + e * steps[values]);
    else if (steps[0] == item && steps[values] == item) memcpy(value, data, (size_t)(n * item));
    else
        for (int64_t e = 0; e < n; e++) apus_copy_element(value + e * steps[values], data + e * steps[0], item);
    return true;
}

static void advanced_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_plan *p = j->plan;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    static const int64_t still[APUS_PLAN_OPERANDS];
    int32_t rank = p->rank, inner = rank - 1;
    const int64_t *steps = rank == 0 ? still : p->strides[inner];
    bool whole = true;
    for (int32_t k = 0; k < j->count; k++) whole = whole && steps[1 + k] == 0;
    apus_plan_offsets(p, rank, begin, coordinates, offsets);
    for (int64_t e = begin; e < end;) {
        // What is left of the line, or of the range.
        int64_t n = rank == 0 ? 1 : APUS_MIN(p->sizes[inner] - coordinates[inner], end - e);
        if (!(whole ? whole_line(j, offsets, steps, n) : indexed_line(j, offsets, steps, n))) return;
        e += n;
        if (rank == 0) return;
        coordinates[inner] += n - 1;
        for (int32_t o = 0; o < p->operands; o++) offsets[o] += (n - 1) * steps[o];
        apus_plan_next(p, rank, coordinates, offsets);
    }
}

static int run(const apus_view *data, const apus_view *const *indices, int32_t index_rank, int32_t position, const apus_view *values, apus_update update, bool put,
               int64_t *bad_index) {
    if (data->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    if (data->rank < 1 || index_rank < 0) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_valid(data->dtype) || data->dtype != values->dtype) return APUS_UNSUPPORTED;
    static const int32_t most = APUS_PLAN_OPERANDS - 2;
    job j = {.update = update, .put = put};
    int64_t item = apus_dtype_size(data->dtype);
    const apus_view *given[APUS_MAX_RANK];
    for (int32_t d = 0; d < data->rank; d++) {
        if (!indices[d]) continue;
        if (indices[d]->rank != index_rank || j.count == most) return APUS_INVALID_ARGUMENT;
        if (!apus_dtype_is_index(indices[d]->dtype)) return APUS_UNSUPPORTED;
        j.size[j.count] = data->sizes[d];
        j.step[j.count] = data->strides[d] * item;
        given[j.count++] = indices[d];
    }
    int32_t rank = data->rank - j.count + index_rank;
    if (rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    if (j.count == 0 || rank != values->rank || position < 0 || position > data->rank - j.count) return APUS_INVALID_ARGUMENT;
    // Strides along the result's dimensions: the dimensions taken whole, with the index's inserted at `position`.
    int64_t data_strides[APUS_MAX_RANK], index_strides[APUS_PLAN_OPERANDS][APUS_MAX_RANK];
    int32_t out_d = 0;
    for (int32_t d = 0, whole = 0; d <= data->rank; d++) {
        if (whole == position && out_d == position) {
            for (int32_t e = 0; e < index_rank; e++, out_d++) {
                data_strides[out_d] = 0;
                for (int32_t k = 0; k < j.count; k++) {
                    if (given[k]->sizes[e] != values->sizes[out_d]) return APUS_INVALID_ARGUMENT;
                    index_strides[k][out_d] = given[k]->strides[e];
                }
            }
        }
        if (d == data->rank) break;
        if (indices[d]) continue;
        if (values->sizes[out_d] != data->sizes[d]) return APUS_INVALID_ARGUMENT;
        data_strides[out_d] = data->strides[d];
        for (int32_t k = 0; k < j.count; k++) index_strides[k][out_d] = 0;
        out_d++;
        whole++;
    }
    apus_view walked[APUS_PLAN_OPERANDS];
    const apus_view *views[APUS_PLAN_OPERANDS];
    walked[0] = (apus_view){data->data, values->sizes, data_strides, rank, data->dtype};
    for (int32_t k = 0; k < j.count; k++) walked[1 + k] = (apus_view){given[k]->data, values->sizes, index_strides[k], rank, given[k]->dtype};
    walked[1 + j.count] = *values;
    for (int32_t k = 0; k < j.count + 2; k++) views[k] = &walked[k];
    apus_plan plan;
    int status = apus_plan_make(&plan, views, j.count + 2, !put);
    if (status != APUS_OK || plan.count == 0) return status;
    j.plan = &plan;
    if (put) advanced_range(&j, 0, plan.count);
    else apus_parallel_for(plan.count, 16384, advanced_range, &j);
    status = atomic_load(&j.status);
    return status == APUS_INDEX_OUT_OF_BOUNDS ? apus_bad_index(atomic_load(&j.bad), bad_index) : status;
}

int apus_index(const apus_view *in, const apus_view *const *indices, int32_t index_rank, int32_t index_position, const apus_view *out, int64_t *bad_index) {
    return run(in, indices, index_rank, index_position, out, NULL, false, bad_index);
}

int apus_index_put(bool accumulate, const apus_view *const *indices, int32_t index_rank, int32_t index_position, const apus_view *values, const apus_view *out,
                   int64_t *bad_index) {
    apus_update update = apus_find_update(accumulate ? APUS_SCATTER_ADD : APUS_SCATTER_SET, out->dtype);
    if (!update) return APUS_UNSUPPORTED;
    return run(out, indices, index_rank, index_position, values, update, true, bad_index);
}
