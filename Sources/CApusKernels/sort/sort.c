/// Sorting, the largest or smallest few, the k-th: along one dimension.
#include "keys.h"
#include <stdatomic.h>

typedef struct {
    const apus_plan *plan; // all dimensions but the sorted one: in, values, indices
    int64_t length, outputs;
    int64_t in_step, value_step, index_step;
    bool descending, wide, has_values, has_indices;
    /// Take only position `outputs` - 1 (the k-th).
    bool only_last;
    _Atomic int status;
} job;

/// The `k` smallest keys (after flipping), stable, by a bounded binary heap with the largest on top; then sorted.
#define SELECT(NAME, KEY, PAIR)                                                                                                                \
    static bool NAME##_before(PAIR a, PAIR b) { return a.key < b.key || (a.key == b.key && a.index < b.index); }                                  \
    static void NAME##_sift(PAIR *heap, int64_t k, int64_t i) {                                                                                  \
        for (;;) {                                                                                                                              \
            int64_t child = 2 * i + 1;                                                                                                          \
            if (child >= k) return;                                                                                                             \
            if (child + 1 < k && NAME##_before(heap[child], heap[child + 1])) child++;                                                           \
            if (!NAME##_before(heap[i], heap[child])) return;                                                                                    \
            PAIR t = heap[i];                                                                                                                   \
            heap[i] = heap[child];                                                                                                              \
            heap[child] = t;                                                                                                                    \
            i = child;                                                                                                                          \
        }                                                                                                                                       \
    }                                                                                                                                           \
    static void NAME(const KEY *keys, KEY flip, int64_t n, int64_t k, int64_t *order, PAIR *heap) {                                              \
        for (int64_t i = 0; i < k; i++) heap[i] = (PAIR){keys[i] ^ flip, i};                                                                     \
        for (int64_t i = k / 2 - 1; i >= 0; i--) NAME##_sift(heap, k, i);                                                                        \
        KEY top = heap[0].key;                                                                                                                  \
        for (int64_t i = k; i < n; i++) {                                                                                                       \
            KEY key = keys[i] ^ flip;                                                                                                           \
            if (key >= top) continue;                                                                                                           \
            heap[0] = (PAIR){key, i};                                                                                                           \
            NAME##_sift(heap, k, 0);                                                                                                            \
            top = heap[0].key;                                                                                                                  \
        }                                                                                                                                       \
        for (int64_t left = k; left > 0; left--) {                                                                                              \
            order[left - 1] = heap[0].index;                                                                                                    \
            heap[0] = heap[left - 1];                                                                                                           \
            NAME##_sift(heap, left - 1, 0);                                                                                                     \
        }                                                                                                                                       \
    }
typedef struct { uint32_t key; int64_t index; } narrow_pair;
SELECT(select32, uint32_t, narrow_pair)
SELECT(select64, uint64_t, apus_keyed)

static void sort_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_plan *p = j->plan;
    int64_t n = j->length, k = j->outputs;
    char *memory = apus_allocate(n * 8 + n * 8 + 2 * n * 16);
    if (!memory) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    void *keys = memory, *scratch = memory + n * 16;
    int64_t *order = (int64_t *)(memory + n * 8);
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS], first = j->only_last ? k - 1 : 0;
    apus_plan_offsets(p, p->rank, begin, coordinates, offsets);
    for (int64_t r = begin; r < end; r++) {
        const char *in = p->data[0] + offsets[0];
        apus_keys_make(keys, in, j->in_step, n, p->dtypes[0]);
        if (k * 8 >= n || n < 64) apus_sort_order(keys, j->wide, j->descending, n, order, scratch);
        else if (j->wide) select64(keys, j->descending ? UINT64_MAX : 0, n, k, order, scratch);
        else select32(keys, j->descending ? UINT32_MAX : 0, n, k, order, scratch);
        for (int64_t i = first; i < k; i++) {
            if (j->has_values) {
                char *target = p->data[1] + offsets[1] + (i - first) * j->value_step;
                const char *source = in + order[i] * j->in_step;
                switch (p->item[0]) {
                case 1: memcpy(target, source, 1); break;
                case 2: memcpy(target, source, 2); break;
                case 4: memcpy(target, source, 4); break;
                default: memcpy(target, source, 8); break;
                }
            }
            if (j->has_indices) *(int64_t *)(p->data[2] + offsets[2] + (i - first) * j->index_step) = order[i];
        }
        apus_plan_next(p, p->rank, coordinates, offsets);
    }
    apus_free(memory);
}

/// `k` outputs per row, or the k-th alone.
static int run(int32_t dim, bool descending, int64_t k, bool only_last, const apus_view *in, const apus_view *values, const apus_view *indices) {
    if (!apus_dtype_is_valid(in->dtype) || apus_dtype_is_complex(in->dtype)) return APUS_UNSUPPORTED;
    if ((values && values->dtype != in->dtype) || (indices && indices->dtype != APUS_INT64)) return APUS_UNSUPPORTED;
    if (!values && !indices) return APUS_OK;
    int64_t one = 1, sizes[64];
    apus_view a = *in, v = values ? *values : *in, x = indices ? *indices : *in;
    apus_view *all[3] = {&a, &v, &x};
    for (int i = 0; i < 3 && in->rank == 0; i++) {
        if (all[i]->rank != 0) return APUS_INVALID_ARGUMENT;
        all[i]->rank = 1;
        all[i]->sizes = all[i]->strides = &one;
    }
    if (dim < 0 || dim >= a.rank || a.rank > 64 || v.rank != a.rank || x.rank != a.rank) return APUS_INVALID_ARGUMENT;
    int64_t length = a.sizes[dim], written = only_last ? 1 : k;
    if (k < 0 || k > length || (values && v.sizes[dim] != written) || (indices && x.sizes[dim] != written)) return APUS_INVALID_ARGUMENT;
    if (length > INT32_MAX && !apus_key_is_wide(in->dtype)) return APUS_INVALID_ARGUMENT;
    memcpy(sizes, a.sizes, sizeof(int64_t) * (size_t)a.rank);
    sizes[dim] = 1;
    job j = {.length = length, .outputs = k, .descending = descending, .wide = apus_key_is_wide(in->dtype), .has_values = values != NULL, .has_indices = indices != NULL, .only_last = only_last};
    j.in_step = a.strides[dim] * apus_dtype_size(a.dtype);
    j.value_step = v.strides[dim] * apus_dtype_size(v.dtype);
    j.index_step = x.strides[dim] * 8;
    for (int i = 0; i < 3; i++) {
        for (int32_t d = 0; d < a.rank; d++)
            if (d != dim && all[i]->sizes[d] != sizes[d]) return APUS_INVALID_ARGUMENT;
        all[i]->sizes = sizes;
    }
    const apus_view *views[] = {&a, &v, &x};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 3, false);
    if (status != APUS_OK || plan.count == 0 || k == 0) return status;
    j.plan = &plan;
    apus_parallel_for(plan.count, 4096 / length + 1, sort_range, &j);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}

int apus_sort(int32_t dim, bool descending, const apus_view *in, const apus_view *values, const apus_view *indices) {
    int64_t length = in->rank == 0 ? 1 : dim >= 0 && dim < in->rank ? in->sizes[dim] : -1;
    return run(dim, descending, length, false, in, values, indices);
}

int apus_topk(int32_t dim, bool largest, bool sorted, const apus_view *in, const apus_view *values, const apus_view *indices) {
    (void)sorted; // always in order
    const apus_view *out = values ? values : indices;
    if (!out) return APUS_OK;
    int64_t k = out->rank == 0 ? 1 : dim >= 0 && dim < out->rank ? out->sizes[dim] : -1;
    return run(dim, largest, k, false, in, values, indices);
}

int apus_kthvalue(int32_t dim, int64_t k, const apus_view *in, const apus_view *value, const apus_view *index) {
    if (k < 1) return APUS_INVALID_ARGUMENT;
    return run(dim, false, k, true, in, value, index);
}
