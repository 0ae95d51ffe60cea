/// searchsorted and unique.
#include "keys.h"
#include <stdatomic.h>

typedef struct {
    const apus_view *sorted, *values, *out;
    int64_t length, columns, rows;
    bool right, one_row;
    int32_t compute;
    _Atomic int status;
} search_job;

/// Sequences and values are compared as keys of one dtype.
static void search_range(void *context, int64_t begin, int64_t end) {
    search_job *j = context;
    bool wide = apus_key_is_wide(j->compute);
    int64_t item = apus_dtype_size(j->compute);
    char *memory = apus_allocate((j->length + j->columns) * 8);
    if (!memory) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    char *keys = memory, *wanted = memory + j->length * 8;
    for (int64_t r = begin; r < end; r++) {
        if (r == begin || !j->one_row)
            apus_keys_make(keys, (const char *)j->sorted->data + (j->one_row ? 0 : r * j->length * item), item, j->length, j->compute);
        apus_keys_make(wanted, (const char *)j->values->data + r * j->columns * item, item, j->columns, j->compute);
        for (int64_t c = 0; c < j->columns; c++) {
            uint64_t x = wide ? ((uint64_t *)wanted)[c] : ((uint32_t *)wanted)[c];
            int64_t low = 0, high = j->length;
            while (low < high) {
                int64_t middle = low + (high - low) / 2;
                uint64_t key = wide ? ((uint64_t *)keys)[middle] : ((uint32_t *)keys)[middle];
                if (j->right ? key <= x : key < x) low = middle + 1;
                else high = middle;
            }
            if (j->out->dtype == APUS_INT64) ((int64_t *)j->out->data)[r * j->columns + c] = low;
            else ((int32_t *)j->out->data)[r * j->columns + c] = (int32_t)low;
        }
    }
    apus_free(memory);
}

/// A contiguous copy in another dtype, or the view itself where it is one already. `memory` is to be freed.
static int packed(const apus_view *in, int32_t dtype, apus_view *out, int64_t *strides, void **memory) {
    *memory = NULL;
    *out = *in;
    if (in->dtype == dtype && apus_view_is_contiguous(in)) return APUS_OK;
    int64_t step = 1;
    for (int32_t d = in->rank - 1; d >= 0; d--) {
        strides[d] = step;
        step *= APUS_MAX(in->sizes[d], 1);
    }
    *memory = apus_allocate(apus_view_count(in) * apus_dtype_size(dtype));
    if (!*memory) return APUS_OUT_OF_MEMORY;
    *out = (apus_view){*memory, in->sizes, strides, in->rank, dtype};
    return apus_copy(in, out);
}

int apus_searchsorted(bool right, const apus_view *sorted, const apus_view *values, const apus_view *out) {
    if (apus_dtype_is_complex(sorted->dtype) || apus_dtype_is_complex(values->dtype) || !apus_dtype_is_valid(sorted->dtype) || !apus_dtype_is_valid(values->dtype)) return APUS_UNSUPPORTED;
    if (out->dtype != APUS_INT64 && out->dtype != APUS_INT32) return APUS_UNSUPPORTED;
    if (sorted->rank > APUS_MAX_RANK || values->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    if (sorted->rank < 1 || !apus_view_is_contiguous(out)) return APUS_INVALID_ARGUMENT;
    bool one_row = sorted->rank == 1;
    int64_t total = apus_view_count(values);
    if (apus_view_count(out) != total) return APUS_INVALID_ARGUMENT;
    int64_t columns = one_row ? total : values->rank > 0 ? values->sizes[values->rank - 1] : 1;
    if (!one_row) {
        if (values->rank != sorted->rank) return APUS_INVALID_ARGUMENT;
        for (int32_t d = 0; d + 1 < sorted->rank; d++)
            if (values->sizes[d] != sorted->sizes[d]) return APUS_INVALID_ARGUMENT;
    }
    if (total == 0) return APUS_OK;
    int32_t compute = sorted->dtype == values->dtype                               ? sorted->dtype
                      : sorted->dtype >= APUS_FLOAT16 || values->dtype >= APUS_FLOAT16 ? APUS_FLOAT64
                                                                                     : APUS_INT64;
    apus_view a, b;
    int64_t a_strides[APUS_MAX_RANK], b_strides[APUS_MAX_RANK];
    void *a_memory = NULL, *b_memory = NULL;
    int status = packed(sorted, compute, &a, a_strides, &a_memory);
    if (status == APUS_OK) status = packed(values, compute, &b, b_strides, &b_memory);
    if (status == APUS_OK) {
        search_job j = {.sorted = &a, .values = &b, .out = out, .length = sorted->sizes[sorted->rank - 1], .columns = columns, .rows = total / columns, .right = right, .one_row = one_row, .compute = compute};
        apus_parallel_for(j.rows, 1024 / columns + 1, search_range, &j);
        status = atomic_load(&j.status);
    }
    apus_free(a_memory);
    apus_free(b_memory);
    return status;
}

static uint64_t key_at(const void *keys, bool wide, int64_t i) { return wide ? ((const uint64_t *)keys)[i] : ((const uint32_t *)keys)[i]; }

int apus_unique(bool consecutive, const apus_view *in, const apus_view *values, const apus_view *inverse, const apus_view *counts, int64_t *count) {
    if (!apus_dtype_is_valid(in->dtype) || apus_dtype_is_complex(in->dtype) || values->dtype != in->dtype) return APUS_UNSUPPORTED;
    if ((inverse && inverse->dtype != APUS_INT64) || (counts && counts->dtype != APUS_INT64)) return APUS_UNSUPPORTED;
    int64_t n = apus_view_count(in), item = apus_dtype_size(in->dtype);
    if (in->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    if ((inverse && (apus_view_count(inverse) != n || !apus_view_is_contiguous(inverse)))) return APUS_INVALID_ARGUMENT;
    if (!apus_view_is_contiguous(values) || apus_view_count(values) < n || (counts && (!apus_view_is_contiguous(counts) || apus_view_count(counts) < n))) return APUS_INVALID_ARGUMENT;
    *count = 0;
    if (n == 0) return APUS_OK;
    bool wide = apus_key_is_wide(in->dtype);
    if (!wide && n > INT32_MAX) return APUS_INVALID_ARGUMENT;
    apus_view a;
    int64_t strides[APUS_MAX_RANK];
    void *copy = NULL;
    int status = packed(in, in->dtype, &a, strides, &copy);
    char *memory = status == APUS_OK ? apus_allocate(n * 48) : NULL;
    if (status == APUS_OK && !memory) status = APUS_OUT_OF_MEMORY;
    if (status == APUS_OK) {
        void *keys = memory;
        int64_t *order = (int64_t *)(memory + n * 8), *inverse_data = inverse ? inverse->data : NULL, *counts_data = counts ? counts->data : NULL;
        apus_keys_make(keys, a.data, item, n, in->dtype);
        if (consecutive)
            for (int64_t i = 0; i < n; i++) order[i] = i;
        else apus_sort_order(keys, wide, false, n, order, memory + n * 16);
        uint64_t nan_key = wide ? UINT64_MAX : UINT32_MAX;
        bool floating = apus_dtype_is_floating(in->dtype);
        int64_t found = 0;
        for (int64_t i = 0; i < n; i++) {
            uint64_t key = key_at(keys, wide, order[i]);
            // NaN differs from itself.
            bool fresh = i == 0 || key != key_at(keys, wide, order[i - 1]) || (floating && key == nan_key);
            if (fresh) {
                memcpy((char *)values->data + found * item, (const char *)a.data + order[i] * item, (size_t)item);
                if (counts_data) counts_data[found] = 0;
                found++;
            }
            if (counts_data) counts_data[found - 1]++;
            if (inverse_data) inverse_data[order[i]] = found - 1;
        }
        *count = found;
    }
    apus_free(memory);
    apus_free(copy);
    return status;
}
