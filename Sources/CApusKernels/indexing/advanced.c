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

static void advanced_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_plan *p = j->plan;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int32_t rank = p->rank, values = j->count + 1;
    apus_plan_offsets(p, rank, begin, coordinates, offsets);
    for (int64_t e = begin; e < end; e++) {
        char *data = p->data[0] + offsets[0];
        for (int32_t k = 0; k < j->count; k++) {
            int64_t i = apus_index_at(p->data[1 + k] + offsets[1 + k], p->dtypes[1 + k]), given = i;
            if (i < 0) i += j->size[k];
            if ((uint64_t)i >= (uint64_t)j->size[k]) {
                atomic_store_explicit(&j->bad, given, memory_order_relaxed);
                atomic_store_explicit(&j->status, APUS_INDEX_OUT_OF_BOUNDS, memory_order_relaxed);
                return;
            }
            data += i * j->step[k];
        }
        if (j->put) j->update(data, p->data[values] + offsets[values]);
        else apus_copy_element(p->data[values] + offsets[values], data, p->item[0]);
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
