#include "../support/plan.h"

/// Whether dimension `a` should be walked outside dimension `b`: by the magnitude of the last operand's strides, then of the others'.
static bool is_outside(const apus_plan *p, int32_t a, int32_t b) {
    for (int32_t k = p->operands - 1; k >= 0; k--) {
        int64_t sa = llabs(p->strides[a][k]), sb = llabs(p->strides[b][k]);
        if (sa == 0 || sb == 0) continue;
        if (sa != sb) return sa > sb;
    }
    return true;
}

static void swap_dimensions(apus_plan *p, int32_t a, int32_t b) {
    int64_t size = p->sizes[a];
    p->sizes[a] = p->sizes[b];
    p->sizes[b] = size;
    for (int32_t k = 0; k < p->operands; k++) {
        int64_t stride = p->strides[a][k];
        p->strides[a][k] = p->strides[b][k];
        p->strides[b][k] = stride;
    }
}

/// Merges the dimension with these strides into the last one if a single walk covers both.
static bool merge(apus_plan *p, int64_t size, const int64_t *strides) {
    if (p->rank == 0) return false;
    int32_t last = p->rank - 1;
    for (int32_t k = 0; k < p->operands; k++)
        if (p->strides[last][k] != strides[k] * size) return false;
    p->sizes[last] *= size;
    for (int32_t k = 0; k < p->operands; k++) p->strides[last][k] = strides[k];
    return true;
}

/// Takes the views' addresses and dtypes; requires the sizes of the last, or rank 0.
static int take_operands(apus_plan *p, const apus_view *const *views, int32_t count) {
    if (count < 1 || count > APUS_PLAN_OPERANDS) return APUS_INVALID_ARGUMENT;
    const apus_view *shape = views[count - 1];
    p->rank = 0;
    p->operands = count;
    p->count = apus_view_count(shape);
    for (int32_t k = 0; k < count; k++) {
        const apus_view *v = views[k];
        if (!apus_dtype_is_valid(v->dtype)) return APUS_UNSUPPORTED;
        p->data[k] = v->data;
        p->dtypes[k] = v->dtype;
        p->item[k] = apus_dtype_size(v->dtype);
        if (v->rank == 0) continue;
        if (v->rank != shape->rank) return APUS_INVALID_ARGUMENT;
        for (int32_t d = 0; d < v->rank; d++)
            if (v->sizes[d] != shape->sizes[d]) return APUS_INVALID_ARGUMENT;
    }
    return APUS_OK;
}

int apus_plan_make_matrix(apus_plan *p, const apus_view *const *views, int32_t count) {
    int status = take_operands(p, views, count);
    if (status != APUS_OK) return status;
    if (views[count - 1]->rank != 2) return APUS_INVALID_ARGUMENT;
    p->rank = 2;
    for (int32_t d = 0; d < 2; d++) {
        p->sizes[d] = views[count - 1]->sizes[d];
        for (int32_t k = 0; k < count; k++) p->strides[d][k] = views[k]->rank == 0 ? 0 : views[k]->strides[d] * p->item[k];
    }
    return APUS_OK;
}

int apus_plan_make(apus_plan *p, const apus_view *const *views, int32_t count, bool reorder) {
    int status = take_operands(p, views, count);
    if (status != APUS_OK) return status;
    const apus_view *shape = views[count - 1];
    if (p->count == 0) return APUS_OK;
    for (int32_t d = 0; d < shape->rank; d++) {
        int64_t size = shape->sizes[d];
        if (size < 0) return APUS_INVALID_ARGUMENT;
        if (size == 1) continue;
        int64_t strides[APUS_PLAN_OPERANDS];
        for (int32_t k = 0; k < count; k++) strides[k] = views[k]->rank == 0 ? 0 : views[k]->strides[d] * p->item[k];
        if (merge(p, size, strides)) continue;
        if (p->rank == APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
        p->sizes[p->rank] = size;
        memcpy(p->strides[p->rank], strides, sizeof(int64_t) * (size_t)count);
        p->rank++;
    }
    if (!reorder || p->rank < 2) return APUS_OK;
    bool changed = false;
    for (int32_t i = 1; i < p->rank; i++)
        for (int32_t j = i; j > 0 && !is_outside(p, j - 1, j); j--) {
            swap_dimensions(p, j - 1, j);
            changed = true;
        }
    if (!changed) return APUS_OK;
    int32_t rank = p->rank;
    p->rank = 1;
    for (int32_t d = 1; d < rank; d++) {
        int64_t size = p->sizes[d], strides[APUS_PLAN_OPERANDS];
        memcpy(strides, p->strides[d], sizeof(int64_t) * (size_t)count);
        if (merge(p, size, strides)) continue;
        p->sizes[p->rank] = size;
        memcpy(p->strides[p->rank], strides, sizeof(int64_t) * (size_t)count);
        p->rank++;
    }
    return APUS_OK;
}

void apus_plan_offsets(const apus_plan *p, int32_t rank, int64_t index, int64_t *coordinates, int64_t *offsets) {
    for (int32_t k = 0; k < p->operands; k++) offsets[k] = 0;
    for (int32_t d = rank - 1; d >= 0; d--) {
        int64_t c = index % p->sizes[d];
        index /= p->sizes[d];
        coordinates[d] = c;
        for (int32_t k = 0; k < p->operands; k++) offsets[k] += c * p->strides[d][k];
    }
}

void apus_plan_next(const apus_plan *p, int32_t rank, int64_t *coordinates, int64_t *offsets) {
    for (int32_t d = rank - 1; d >= 0; d--) {
        if (++coordinates[d] < p->sizes[d]) {
            for (int32_t k = 0; k < p->operands; k++) offsets[k] += p->strides[d][k];
            return;
        }
        coordinates[d] = 0;
        for (int32_t k = 0; k < p->operands; k++) offsets[k] -= p->strides[d][k] * (p->sizes[d] - 1);
    }
}
