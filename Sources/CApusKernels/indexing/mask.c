/// Elements by condition: nonzero, masked_select, masked_scatter, bincount.
#include "elements.h"
#include <stdatomic.h>

/// Calls `body` on the plan's elements one after the other.
#define FOR_EACH(plan, offsets)                                                                                                                \
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];                                                                             \
    apus_plan_offsets(&plan, plan.rank, 0, coordinates, offsets);                                                                                \
    for (int64_t e = 0; e < plan.count; e++, apus_plan_next(&plan, plan.rank, coordinates, offsets))

static bool is_nonzero(const char *element, int32_t dtype) {
    switch (dtype) {
    case APUS_FLOAT16:
    case APUS_BFLOAT16: {
        uint16_t bits;
        memcpy(&bits, element, 2);
        return (bits & 0x7FFF) != 0;
    }
    case APUS_FLOAT32: return *(const float *)element != 0;
    case APUS_FLOAT64: return *(const double *)element != 0;
    case APUS_COMPLEX64: return ((const float *)element)[0] != 0 || ((const float *)element)[1] != 0;
    case APUS_COMPLEX128: return ((const double *)element)[0] != 0 || ((const double *)element)[1] != 0;
    case APUS_INT16: return *(const int16_t *)element != 0;
    case APUS_INT32: return *(const int32_t *)element != 0;
    case APUS_INT64: return *(const int64_t *)element != 0;
    default: return *element != 0;
    }
}

int apus_nonzero_count(const apus_view *in, int64_t *count) {
    int64_t ones[64], zeros[64];
    if (in->rank > 64) return APUS_RANK_TOO_HIGH;
    for (int32_t d = 0; d < in->rank; d++) {
        ones[d] = 1;
        zeros[d] = 0;
    }
    apus_view out = {count, ones, zeros, in->rank, APUS_INT64};
    *count = 0;
    return apus_reduce(APUS_REDUCE_COUNT_NONZERO, 0, in, &out);
}

int apus_nonzero(const apus_view *in, const apus_view *out) {
    if (out->dtype != APUS_INT64) return APUS_UNSUPPORTED;
    if (out->rank != 2 || out->sizes[1] != in->rank || in->rank > 64) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_valid(in->dtype)) return APUS_UNSUPPORTED;
    int64_t total = apus_view_count(in), item = apus_dtype_size(in->dtype), row = 0, at[64] = {0};
    const char *element = in->data;
    for (int64_t e = 0; e < total; e++) {
        if (is_nonzero(element, in->dtype)) {
            if (row == out->sizes[0]) return APUS_INVALID_ARGUMENT;
            int64_t *target = (int64_t *)out->data + row++ * out->strides[0];
            for (int32_t d = 0; d < in->rank; d++) target[d * out->strides[1]] = at[d];
        }
        for (int32_t d = in->rank - 1; d >= 0; d--) {
            element += in->strides[d] * item;
            if (++at[d] < in->sizes[d]) break;
            element -= in->strides[d] * item * in->sizes[d];
            at[d] = 0;
        }
    }
    return row == out->sizes[0] ? APUS_OK : APUS_INVALID_ARGUMENT;
}

int apus_masked_select(const apus_view *in, const apus_view *mask, const apus_view *out) {
    if (mask->dtype != APUS_BOOL || in->dtype != out->dtype) return APUS_UNSUPPORTED;
    if (out->rank != 1) return APUS_INVALID_ARGUMENT;
    const apus_view *views[] = {in, mask};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status != APUS_OK) return status;
    int64_t written = 0, item = apus_dtype_size(in->dtype), step = out->strides[0] * item;
    FOR_EACH(plan, offsets) {
        if (!*(plan.data[1] + offsets[1])) continue;
        if (written == out->sizes[0]) return APUS_INVALID_ARGUMENT;
        apus_copy_element((char *)out->data + written++ * step, plan.data[0] + offsets[0], item);
    }
    return written == out->sizes[0] ? APUS_OK : APUS_INVALID_ARGUMENT;
}

int apus_masked_scatter(const apus_view *mask, const apus_view *source, const apus_view *out) {
    if (mask->dtype != APUS_BOOL || source->dtype != out->dtype) return APUS_UNSUPPORTED;
    if (source->rank > 64) return APUS_RANK_TOO_HIGH;
    const apus_view *views[] = {mask, out};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status != APUS_OK) return status;
    int64_t available = apus_view_count(source), taken = 0, item = apus_dtype_size(out->dtype), at[64] = {0};
    const char *element = source->data;
    FOR_EACH(plan, offsets) {
        if (!*(plan.data[0] + offsets[0])) continue;
        if (taken++ == available) return APUS_INVALID_ARGUMENT;
        apus_copy_element(plan.data[1] + offsets[1], element, item);
        for (int32_t d = source->rank - 1; d >= 0; d--) {
            element += source->strides[d] * item;
            if (++at[d] < source->sizes[d]) break;
            element -= source->strides[d] * item * source->sizes[d];
            at[d] = 0;
        }
    }
    return APUS_OK;
}

int apus_bincount(const apus_view *in, const apus_view *weights, const apus_view *out, int64_t *bad_index) {
    if (in->dtype > APUS_INT64 || !apus_dtype_is_valid(in->dtype)) return APUS_UNSUPPORTED;
    if (out->rank != 1 || (weights && weights->dtype != out->dtype) || (!weights && out->dtype != APUS_INT64)) return APUS_UNSUPPORTED;
    apus_update update = apus_find_update(APUS_SCATTER_ADD, out->dtype);
    const apus_view *views[] = {weights ? weights : in, in};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status == APUS_OK) status = apus_fill(0, 0, out);
    if (status != APUS_OK || plan.count == 0) return status;
    apus_loop widen = apus_cast_loop(in->dtype, APUS_INT64);
    int64_t one = 1, step = out->strides[0] * apus_dtype_size(out->dtype);
    FOR_EACH(plan, offsets) {
        int64_t value;
        widen(&value, plan.data[1] + offsets[1], NULL, NULL, 1, NULL);
        if ((uint64_t)value >= (uint64_t)out->sizes[0]) return apus_bad_index(value, bad_index);
        update((char *)out->data + value * step, weights ? plan.data[0] + offsets[0] : (const char *)&one);
    }
    return APUS_OK;
}
