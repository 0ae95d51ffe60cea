/// Sorting, the largest or smallest few, the k-th: along one dimension.
#include "../support/lines.h"
#include "keys.h"

typedef struct {
    int64_t length, outputs, item;
    int32_t dtype;
    bool descending, wide;
    int32_t value_line, index_line; // which line is which output; 0 for none
    enum { ALL, KTH, MEDIAN, NANMEDIAN } kind; // the `outputs` first in order, or one: that with the rank `outputs` - 1, or in the middle
} job;

/// The `k` smallest keys (after flipping), stable, by a bounded binary heap with the largest on top; then sorted. Compiled by itself: within its caller
/// the loop over the keys took half as long again.
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
    static __attribute__((noinline)) void NAME(const KEY *keys, KEY flip, int64_t n, int64_t k, int64_t *order, PAIR *heap) {                                              \
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

#define TAKE(TYPE)                                                                                                                             \
    for (int64_t i = 0; i < count; i++) ((TYPE *)values)[i] = ((const TYPE *)lines[0])[order[i]];                                                \
    break;

/// The rank of the one element that is wanted. NaN stands behind all numbers, and counts not or is the median.
static int64_t rank_of(const job *j, const void *keys) {
    if (j->kind == KTH) return j->outputs - 1;
    int64_t n = j->length, numbers = apus_dtype_is_floating(j->dtype) ? n - apus_keys_missing(keys, j->wide, n) : n;
    if (j->kind == NANMEDIAN) return APUS_MAX(numbers - 1, 0) / 2;
    return numbers < n ? numbers : (n - 1) / 2;
}

/// Where the one element stands.
static int64_t one(const job *j, const void *keys, int64_t *order, void *room) {
    int64_t rank = rank_of(j, keys);
    if (j->length > (j->wide ? 8 : 24)) return apus_select_position(keys, j->wide, j->length, rank, room);
    apus_sort_order(keys, j->wide, false, j->length, order, room);
    return order[rank];
}

/// The k first of a row in order: few of a short row one by one, few of a longer one by a heap, more of them chosen and then sorted, most of them by
/// sorting all. The bounds are measured: a heap costs little for elements that do not enter it, and much for those that do.
static void order_first(const job *j, void *keys, int64_t k, int64_t *order, void *room) {
    int64_t n = j->length;
    if (!j->wide && n <= 192 && k <= 12 && 5 * k <= n) {
        apus_order_few(keys, j->descending, n, k, order, room);
    } else if (n >= 40 * k || (n > 8 * k && k <= 10)) {
        if (j->wide) select64(keys, j->descending ? UINT64_MAX : 0, n, k, order, room);
        else select32(keys, j->descending ? UINT32_MAX : 0, n, k, order, room);
    } else if (3 * k >= n || n <= (j->wide ? 16 : APUS_SHORT_ROW)) {
        apus_sort_order(keys, j->wide, j->descending, n, order, room);
    } else {
        if (j->descending) {
            if (j->wide) for (int64_t i = 0; i < n; i++) ((uint64_t *)keys)[i] = ~((uint64_t *)keys)[i];
            else for (int64_t i = 0; i < n; i++) ((uint32_t *)keys)[i] = ~((uint32_t *)keys)[i];
        }
        apus_select_smallest(keys, j->wide, n, k, order, room);
        // Packed to the front, sorted there, and led back to positions of the row.
        int64_t *chosen = (int64_t *)room, *places = chosen + k;
        for (int64_t i = 0; i < k; i++) {
            chosen[i] = order[i];
            if (j->wide) ((uint64_t *)keys)[i] = ((uint64_t *)keys)[order[i]];
            else ((uint32_t *)keys)[i] = ((uint32_t *)keys)[order[i]];
        }
        apus_sort_order(keys, j->wide, false, k, order, places);
        for (int64_t i = 0; i < k; i++) order[i] = chosen[order[i]];
    }
}

static void sort_line(void *context, char *const *lines, char *scratch) {
    const job *j = context;
    int64_t n = j->length, count = j->kind == ALL ? j->outputs : 1, *order = (int64_t *)(scratch + n * 8);
    void *keys = scratch, *room = scratch + n * 16;
    apus_keys_make(keys, lines[0], j->item, n, j->dtype);
    if (j->kind == ALL) order_first(j, keys, count, order, room);
    else order[0] = one(j, keys, order, room);
    if (j->value_line) {
        char *values = lines[j->value_line];
        switch (j->item) {
        case 1: TAKE(uint8_t)
        case 2: TAKE(uint16_t)
        case 4: TAKE(uint32_t)
        default: TAKE(uint64_t)
        }
    }
    if (j->index_line) memcpy(lines[j->index_line], order, (size_t)count * 8);
}

/// `k` outputs per row, or one.
static int run(int32_t dim, bool descending, int64_t k, int kind, const apus_view *in, const apus_view *values, const apus_view *indices) {
    if (!apus_dtype_is_valid(in->dtype) || apus_dtype_is_complex(in->dtype)) return APUS_UNSUPPORTED;
    if ((values && values->dtype != in->dtype) || (indices && indices->dtype != APUS_INT64)) return APUS_UNSUPPORTED;
    if (!values && !indices) return APUS_OK;
    if (in->rank > 0 && (dim < 0 || dim >= in->rank)) return APUS_INVALID_ARGUMENT;
    int64_t length = in->rank == 0 ? 1 : in->sizes[dim], written = kind == ALL ? k : 1;
    if (k < 0 || k > length) return APUS_INVALID_ARGUMENT;
    job j = {.length = length, .outputs = k, .item = apus_dtype_size(in->dtype), .dtype = in->dtype, .descending = descending, .wide = apus_key_is_wide(in->dtype), .kind = kind};
    // Narrow keys are sorted with positions of 32 bits; fewer than a third of them are chosen first, and sorted then.
    if (kind == ALL && length > INT32_MAX && k > INT32_MAX / 3 && !j.wide) return APUS_INVALID_ARGUMENT;
    if (length > INT64_MAX / 128) return APUS_OUT_OF_MEMORY; // the lines and what is kept beside them could not be counted in bytes
    apus_lines lines = {.function = sort_line, .context = &j, .views = {in}, .inputs = 1, .operands = 1, .dim = dim, .grain = 4096, .scratch_bytes = length * 48};
    const apus_view *outputs[] = {values, indices};
    for (int i = 0; i < 2; i++) {
        if (!outputs[i]) continue;
        if (outputs[i]->rank != in->rank || (in->rank > 0 && outputs[i]->sizes[dim] != written)) return APUS_INVALID_ARGUMENT;
        if (i == 0) j.value_line = lines.operands;
        else j.index_line = lines.operands;
        lines.views[lines.operands++] = outputs[i];
    }
    return k == 0 ? APUS_OK : apus_lines_run(&lines);
}

int apus_sort(int32_t dim, bool descending, const apus_view *in, const apus_view *values, const apus_view *indices) {
    int64_t length = in->rank == 0 ? 1 : dim >= 0 && dim < in->rank ? in->sizes[dim] : -1;
    return run(dim, descending, length, ALL, in, values, indices);
}

int apus_topk(int32_t dim, bool largest, bool sorted, const apus_view *in, const apus_view *values, const apus_view *indices) {
    (void)sorted; // always in order
    const apus_view *out = values ? values : indices;
    if (!out) return APUS_OK;
    int64_t k = out->rank == 0 ? 1 : dim >= 0 && dim < out->rank ? out->sizes[dim] : -1;
    return run(dim, largest, k, ALL, in, values, indices);
}

int apus_kthvalue(int32_t dim, int64_t k, const apus_view *in, const apus_view *value, const apus_view *index) {
    if (k < 1) return APUS_INVALID_ARGUMENT;
    return run(dim, false, k, KTH, in, value, index);
}

int apus_median(int32_t dim, bool ignores_nan, const apus_view *in, const apus_view *value, const apus_view *index) {
    int64_t length = in->rank == 0 ? 1 : dim >= 0 && dim < in->rank ? in->sizes[dim] : -1;
    if (length == 0) return APUS_EMPTY_REDUCTION;
    return run(dim, false, length, ignores_nan ? NANMEDIAN : MEDIAN, in, value, index);
}
