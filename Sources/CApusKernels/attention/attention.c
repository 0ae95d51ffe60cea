/// Attention by blocks of queries: scores of a block stay in the second-level cache between the two products.
#include "../math/float32.h"
#include "../support/internal.h"
#include <stdatomic.h>

enum { QUERY_BLOCK = 64, SCORE_BYTES = 1 << 19 };

typedef struct {
    const apus_view *query, *key, *value, *mask, *out;
    bool causal;
    float scale;
    int64_t heads, queries, keys, depth, value_depth, block, blocks, tasks;
    _Atomic int status;
} job;

static char *head_of(const apus_view *v, int64_t batch, int64_t head, int64_t item) { return (char *)v->data + (batch * v->strides[0] + head * v->strides[1]) * item; }

/// The distance between rows; that of a single row does not matter, but must not seem too short.
static int64_t row_step(const apus_view *v) { return APUS_MAX(v->strides[2], APUS_MAX(v->sizes[3], 1)); }

/// Adds the mask's row to scores, or strikes out what it excludes.
static void apply_mask(const apus_view *mask, const char *base, int64_t query, int64_t keys, float *scores) {
    int64_t step = mask->strides[3];
    if (mask->dtype == APUS_BOOL) {
        const uint8_t *row = (const uint8_t *)base + query * mask->strides[2];
        for (int64_t k = 0; k < keys; k++) scores[k] = row[k * step] ? scores[k] : -INFINITY;
    } else {
        const float *row = (const float *)base + query * mask->strides[2];
        for (int64_t k = 0; k < keys; k++) scores[k] += row[k * step];
    }
}

/// Softmax of `n` scores in place, without the division; returns the sum (0 if nothing takes part).
APUS_CLONES static float exponentials(float *s, int64_t n) {
    float lane[16], best = -INFINITY;
    int64_t i = 0;
    for (int j = 0; j < 16; j++) lane[j] = -INFINITY;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = s[i + j] > lane[j] ? s[i + j] : lane[j];
    for (; i < n; i++) best = s[i] > best ? s[i] : best;
    for (int j = 0; j < 16; j++) best = lane[j] > best ? lane[j] : best;
    if (best == -INFINITY) {
        bool has_nan = false;
        for (i = 0; i < n; i++) has_nan |= s[i] != s[i];
        for (i = 0; i < n && !has_nan; i++) s[i] = 0;
        return has_nan ? NAN : 0;
    }
    for (int j = 0; j < 16; j++) lane[j] = 0;
    for (i = 0; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            float e = apus_exp_negative_f32(s[i + j] - best);
            s[i + j] = e;
            lane[j] += e;
        }
    float sum = 0;
    for (; i < n; i++) {
        s[i] = apus_exp_negative_f32(s[i] - best);
        sum += s[i];
    }
    for (int j = 0; j < 16; j++) sum += lane[j];
    return sum;
}
APUS_CLONES static void scale_row(float *row, int64_t n, float factor) {
    APUS_SIMD for (int64_t i = 0; i < n; i++) row[i] *= factor;
}

static void attention_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    float *scores = apus_allocate(j->block * j->keys * 4);
    if (!scores) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    for (int64_t t = begin; t < end; t++) {
        int64_t first = t % j->blocks * j->block, head = t / j->blocks % j->heads, batch = t / j->blocks / j->heads;
        int64_t count = APUS_MIN(j->block, j->queries - first);
        int64_t keys = j->causal ? APUS_MIN(j->keys, first + count) : j->keys;
        const float *q = (const float *)head_of(j->query, batch, head, 4) + first * j->query->strides[2], *k = (const float *)head_of(j->key, batch, head, 4);
        const float *v = (const float *)head_of(j->value, batch, head, 4);
        float *out = (float *)head_of(j->out, batch, head, 4) + first * j->out->strides[2];
        int status = apus_gemm_of_task(j->tasks, false, true, count, keys, j->depth, (double)j->scale, q, row_step(j->query), k, row_step(j->key), 0, scores, keys, APUS_FLOAT32);
        const char *mask = j->mask ? head_of(j->mask, batch, head, j->mask->dtype == APUS_BOOL ? 1 : 4) : NULL;
        float sums[QUERY_BLOCK];
        for (int64_t i = 0; i < count; i++) {
            float *row = scores + i * keys;
            int64_t seen = j->causal ? APUS_MIN(keys, first + i + 1) : keys;
            if (mask) apply_mask(j->mask, mask, first + i, seen, row);
            sums[i] = exponentials(row, seen);
            for (int64_t c = seen; c < keys; c++) row[c] = 0;
        }
        if (status == APUS_OK)
            status = apus_gemm_of_task(j->tasks, false, false, count, j->value_depth, keys, 1, scores, keys, v, row_step(j->value), 0, out, row_step(j->out), APUS_FLOAT32);
        for (int64_t i = 0; i < count; i++) scale_row(out + i * j->out->strides[2], j->value_depth, sums[i] == 0 ? 0 : 1 / sums[i]);
        if (status != APUS_OK) atomic_store_explicit(&j->status, status, memory_order_relaxed);
    }
    apus_free(scores);
}

/// Whether gemm can walk the last two dimensions.
static bool is_walkable(const apus_view *v) {
    return v->rank == 4 && v->dtype == APUS_FLOAT32 && (v->sizes[3] <= 1 || v->strides[3] == 1) && (v->sizes[2] <= 1 || v->strides[2] >= APUS_MAX(v->sizes[3], 1));
}

int apus_attention(const apus_view *query, const apus_view *key, const apus_view *value, const apus_view *mask, bool causal, double scale, const apus_view *out) {
    if (query->dtype != APUS_FLOAT32 || (mask && mask->dtype != APUS_BOOL && mask->dtype != APUS_FLOAT32)) return APUS_UNSUPPORTED;
    if (!is_walkable(query) || !is_walkable(key) || !is_walkable(value) || !is_walkable(out) || (mask && mask->rank != 4)) return APUS_INVALID_ARGUMENT;
    int64_t batch = query->sizes[0];
    job j = {.query = query, .key = key, .value = value, .mask = mask, .out = out, .causal = causal, .scale = (float)scale, .heads = query->sizes[1], .queries = query->sizes[2],
             .keys = key->sizes[2], .depth = query->sizes[3], .value_depth = value->sizes[3]};
    const apus_view *all[] = {key, value, out, mask};
    for (int i = 0; i < 4; i++)
        if (all[i] && (all[i]->sizes[0] != batch || all[i]->sizes[1] != j.heads)) return APUS_INVALID_ARGUMENT;
    if (key->sizes[3] != j.depth || value->sizes[2] != j.keys || out->sizes[2] != j.queries || out->sizes[3] != j.value_depth) return APUS_INVALID_ARGUMENT;
    if (mask && (mask->sizes[2] != j.queries || mask->sizes[3] != j.keys)) return APUS_INVALID_ARGUMENT;
    if (batch == 0 || j.heads == 0 || j.queries == 0 || j.value_depth == 0) return APUS_OK;
    if (j.keys == 0) return apus_fill(0, 0, out);
    int64_t fits = SCORE_BYTES / 4 / j.keys;
    j.block = APUS_MAX(1, APUS_MIN(APUS_MIN(QUERY_BLOCK, APUS_MAX(fits, 8)), j.queries));
    j.blocks = (j.queries - 1) / j.block + 1;
    int64_t work = j.block * j.keys * (j.depth + j.value_depth);
    j.tasks = batch * j.heads * j.blocks;
    apus_parallel_for(j.tasks, 100000 / APUS_MAX(work, 1) + 1, attention_range, &j);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
