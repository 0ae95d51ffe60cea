#include "reduce.h"

int apus_reduce_plan_make(apus_reduce_plan *plan, const apus_view *in, const apus_view *const *outputs, int32_t n_out, bool reorder) {
    // Two views of `in`: the kept dimensions with reduced ones cut to 1, and the reverse.
    if (in->rank > 64 || in->rank < 0) return APUS_RANK_TOO_HIGH;
    int64_t kept[64], reduced[64];
    const apus_view *views[APUS_PLAN_OPERANDS];
    for (int32_t k = 0; k < n_out; k++)
        if (outputs[k]->rank != in->rank) return APUS_INVALID_ARGUMENT;
    for (int32_t d = 0; d < in->rank; d++) {
        int64_t size = in->sizes[d];
        bool keeps = outputs[0]->sizes[d] == size;
        if (!keeps && outputs[0]->sizes[d] != 1) return APUS_INVALID_ARGUMENT;
        kept[d] = keeps ? size : 1;
        reduced[d] = keeps ? 1 : size;
    }
    apus_view kept_in = *in, reduced_in = *in;
    kept_in.sizes = kept;
    reduced_in.sizes = reduced;
    views[0] = &kept_in;
    for (int32_t k = 0; k < n_out; k++) views[1 + k] = outputs[k];
    int status = apus_plan_make(&plan->kept, views, n_out + 1, true);
    if (status != APUS_OK) return status;
    const apus_view *one[] = {&reduced_in};
    return apus_plan_make(&plan->reduced, one, 1, reorder);
}

int32_t apus_reduced_dimension(const apus_reduce_plan *plan, const apus_view *in, const apus_view *out) {
    const apus_plan *kept = &plan->kept, *reduced = &plan->reduced;
    if (reduced->rank != 1 || kept->rank == 0 || reduced->strides[0][0] == reduced->item[0] || kept->strides[kept->rank - 1][0] != kept->item[0]) return -1;
    int32_t found = -1;
    for (int32_t d = 0; d < in->rank; d++) {
        if (in->sizes[d] == out->sizes[d]) continue;
        if (found >= 0) return -1;
        found = d;
    }
    return found;
}

const void *apus_load_reduced(const apus_plan *p, const char *base, int64_t start, int64_t n, int32_t register_dtype, char *raw, char *converted) {
    int64_t item = p->item[0];
    const char *packed = raw;
    if (p->rank == 0) {
        packed = base;
    } else if (p->rank == 1 && p->strides[0][0] == item) {
        packed = base + start * item;
    } else {
        int32_t inner = p->rank - 1;
        int64_t coordinates[APUS_MAX_RANK], size = p->sizes[inner], stride = p->strides[inner][0];
        int64_t column = start % size, offset[APUS_PLAN_OPERANDS];
        apus_plan_offsets(p, inner, start / size, coordinates, offset);
        char *to = raw;
        for (int64_t left = n; left > 0;) {
            int64_t take = APUS_MIN(left, size - column);
            apus_move(to, item, base + offset[0] + column * stride, stride, take, item);
            to += take * item;
            left -= take;
            column = 0;
            apus_plan_next(p, inner, coordinates, offset);
        }
    }
    if (p->dtypes[0] == register_dtype) return packed;
    apus_cast_loop(p->dtypes[0], register_dtype)(converted, packed, NULL, NULL, n, NULL);
    return converted;
}
