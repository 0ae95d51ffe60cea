/// How many numbers lie between edges.
#include "../support/internal.h"

/// Numbers at least that one task counts into a table of its own, and bins up to which tasks have tables.
enum { PART = 1 << 16, MAX_BINS = 1 << 16 };

typedef struct {
    const apus_view *in;
    const void *edges;
    int64_t bins, count, part_size;
    int64_t *tables;
} job;

/// A guess from equal widths, moved to where the edges say; NaN and what lies outside are not counted.
#define COUNT(T, NAME)                                                                                                                          \
    APUS_CLONES static void NAME(const job *j, const T *x, int64_t n, int64_t *table) {                                                         \
        const T *edges = j->edges;                                                                                                              \
        T low = edges[0], high = edges[j->bins];                                                                                                \
        double scale = (double)j->bins / ((double)high - (double)low), last = (double)(j->bins - 1);                                            \
        for (int64_t start = 0; start < n; start += APUS_TILE) {                                                                                \
            int32_t guesses[APUS_TILE];                                                                                                         \
            int64_t count = APUS_MIN(APUS_TILE, n - start);                                                                                     \
            const T *values = x + start;                                                                                                        \
            APUS_SIMD for (int64_t i = 0; i < count; i++) {                                                                                     \
                double guess = ((double)values[i] - (double)low) * scale;                                                                       \
                guess = guess < last ? guess : last;                                                                                            \
                guesses[i] = (int32_t)(guess > 0 ? guess : 0);                                                                                  \
            }                                                                                                                                   \
            for (int64_t i = 0; i < count; i++) {                                                                                               \
                T value = values[i];                                                                                                            \
                if (!(value >= low && value <= high)) continue;                                                                                 \
                int64_t bin = guesses[i];                                                                                                       \
                while (bin > 0 && value < edges[bin]) bin--;                                                                                    \
                while (bin + 1 < j->bins && value >= edges[bin + 1]) bin++;                                                                     \
                table[bin]++;                                                                                                                   \
            }                                                                                                                                   \
        }                                                                                                                                       \
    }
COUNT(float, count_f32)
COUNT(double, count_f64)

static void count_part(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t part = begin; part < end; part++) {
        int64_t *table = j->tables + part * j->bins, first = part * j->part_size, n = APUS_MIN(j->part_size, j->count - first);
        memset(table, 0, (size_t)j->bins * 8);
        if (j->in->dtype == APUS_FLOAT32) count_f32(j, (const float *)j->in->data + first, n, table);
        else count_f64(j, (const double *)j->in->data + first, n, table);
    }
}

int apus_histogram(const apus_view *in, const apus_view *edges, const apus_view *out) {
    if (in->dtype != APUS_FLOAT32 && in->dtype != APUS_FLOAT64) return APUS_UNSUPPORTED;
    if (edges->dtype != in->dtype || out->dtype != APUS_INT64 || out->rank != 1 || edges->rank != 1 || edges->sizes[0] != out->sizes[0] + 1) return APUS_INVALID_ARGUMENT;
    if (out->sizes[0] < 1 || out->sizes[0] > INT32_MAX || !apus_view_is_contiguous(in) || !apus_view_is_contiguous(edges) || !apus_view_is_contiguous(out)) return APUS_INVALID_ARGUMENT;
    job j = {.in = in, .edges = edges->data, .bins = out->sizes[0], .count = apus_view_count(in), .tables = out->data};
    // Adding tables up is to cost little beside counting.
    int64_t parts = j.bins > MAX_BINS ? 1 : APUS_MAX(1, APUS_MIN(j.count / PART, j.count / (4 * j.bins)));
    if (j.count == 0) return apus_fill(0, 0, out);
    j.part_size = (j.count - 1) / parts + 1;
    parts = (j.count - 1) / j.part_size + 1;
    if (parts > 1) {
        j.tables = apus_allocate(parts * j.bins * 8);
        if (!j.tables) return APUS_OUT_OF_MEMORY;
    }
    apus_parallel_for(parts, 1, count_part, &j);
    if (parts == 1) return APUS_OK;
    memset(out->data, 0, (size_t)j.bins * 8);
    for (int64_t p = 0; p < parts; p++)
        for (int64_t i = 0; i < j.bins; i++) ((int64_t *)out->data)[i] += j.tables[p * j.bins + i];
    apus_free(j.tables);
    return APUS_OK;
}
