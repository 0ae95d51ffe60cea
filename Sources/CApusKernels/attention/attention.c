/// Attention by tiles of keys and blocks of queries: scores and packed tiles stay in the second-level cache, and softmax is taken as the tiles go by.
#include "../math/float32.h"
#include "../matmul/panels.h"
#include <stdatomic.h>

/// Keys of a tile and queries of a block; keys of a part, where a few queries of a few heads share them out, and the heads up to which they do.
enum { TILE = 256, BLOCK = 64, PART = 1024, FEW_HEADS = 8 };

typedef struct {
    const apus_view *query, *key, *value, *mask, *out;
    bool causal, is_safe, is_few; // few queries read keys and values once, as they lie
    float scale;
    int64_t heads, shared, queries, keys, depth, value_depth; // so many heads share one of key and value
    int64_t chunk, chunks, parts;                             // queries of a task, tasks of a head: by queries, or by parts of the keys
    float *partial;                                           // for each task of parts: results, largest scores, sums
    _Atomic int status;
} job;

/// A task's queries and keys, and its scratch memory.
typedef struct {
    const job *j;
    int64_t batch, head, first, count, first_key, end_key;
    float *out, *best, *sum, *scores, *packed_keys, *packed_values;
    int64_t out_step;
} task;

static char *head_of(const apus_view *v, int64_t batch, int64_t head, int64_t item) { return (char *)v->data + (batch * v->strides[0] + head * v->strides[1]) * item; }

/// Adds the mask's row to scores, or strikes out what it excludes.
static void apply_mask(const apus_view *mask, const char *base, int64_t query, int64_t first, int64_t keys, float *scores) {
    int64_t step = mask->strides[3], offset = query * mask->strides[2] + first * step;
    if (mask->dtype == APUS_BOOL) {
        const uint8_t *row = (const uint8_t *)base + offset;
        for (int64_t k = 0; k < keys; k++) scores[k] = row[k * step] ? scores[k] : -INFINITY;
    } else {
        const float *row = (const float *)base + offset;
        for (int64_t k = 0; k < keys; k++) scores[k] += row[k * step];
    }
}

APUS_CLONES static void scale_row(float *row, int64_t n, float factor) {
    APUS_SIMD for (int64_t i = 0; i < n; i++) row[i] *= factor;
}

/// The largest of `n` scores, NaN left out; -infinity where nothing takes part.
APUS_CLONES static float largest(const float *s, int64_t n) {
    float lane[16], best = -INFINITY;
    int64_t i = 0;
    for (int j = 0; j < 16; j++) lane[j] = -INFINITY;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) lane[j] = s[i + j] > lane[j] ? s[i + j] : lane[j];
    for (; i < n; i++) best = s[i] > best ? s[i] : best;
    for (int j = 0; j < 16; j++) best = lane[j] > best ? lane[j] : best;
    return best;
}

/// exp(s - best) in place; returns the sum.
APUS_CLONES static float exponentials(float *s, int64_t n, float best) {
    float lane[16] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int j = 0; j < 16; j++) {
            float e = apus_exp_negative_f32(s[i + j] - best);
            s[i + j] = e;
            lane[j] += e;
        }
    for (; i < n; i++) {
        s[i] = apus_exp_negative_f32(s[i] - best);
        sum += s[i];
    }
    for (int j = 0; j < 16; j++) sum += lane[j];
    return sum;
}

/// What earlier weights have to be multiplied by now that the largest score is `best`.
static float correction(float before, float best) { return before == -INFINITY ? 0 : before == best ? 1 : apus_exp_negative_f32(before - best); }

/// Turns a row of scores into weights against the largest score so far, and takes the row's result and sum along.
static void weigh(task *t, int64_t row, int64_t first, int64_t seen, int64_t count, float *s) {
    float best = largest(s, seen), before = t->best[row];
    for (int64_t k = seen; k < count; k++) s[k] = 0;
    best = best > before ? best : before;
    if (best == -INFINITY) { // nothing takes part yet
        for (int64_t k = 0; k < seen; k++) {
            if (s[k] != s[k]) t->sum[row] = NAN;
            s[k] = 0;
        }
        return;
    }
    float factor = correction(before, best);
    t->sum[row] = t->sum[row] * factor + exponentials(s, seen, best);
    if (first > t->first_key && factor != 1) scale_row(t->out + row * t->out_step, t->j->value_depth, factor);
    t->best[row] = best;
}

/// Rows `row` ..< `row + rows` of the task against `count` keys from `first` on, which lie in packed panels unless queries are few.
static int run_block(task *t, int64_t row, int64_t rows, int64_t first, int64_t count) {
    const job *j = t->j;
    int64_t shared = t->head / j->shared;
    const float *q = (const float *)head_of(j->query, t->batch, t->head, 4) + (t->first + row) * j->query->strides[2];
    const float *k = (const float *)head_of(j->key, t->batch, shared, 4) + first * j->key->strides[2], *v = (const float *)head_of(j->value, t->batch, shared, 4) + first * j->value->strides[2];
    int64_t lda = j->query->strides[2];
    apus_panels scores = {rows, count, j->depth, q, lda, APUS_WEIGHT_FLOAT32, (const char *)t->packed_keys, j->depth, .c = t->scores, .ldc = TILE};
    if (j->is_few) scores.loose = k, scores.column_step = j->key->strides[2], scores.line_step = 1;
    int status = apus_panels_run(&scores);
    if (status != APUS_OK) return status;
    const char *mask = j->mask ? head_of(j->mask, t->batch, t->head, j->mask->dtype == APUS_BOOL ? 1 : 4) : NULL;
    for (int64_t i = 0; i < rows; i++) {
        float *s = t->scores + i * TILE;
        int64_t query = t->first + row + i, seen = j->causal ? APUS_MAX(0, APUS_MIN(count, query + 1 - first)) : count;
        scale_row(s, seen, j->scale);
        if (mask) apply_mask(j->mask, mask, query, first, seen, s);
        weigh(t, row + i, first, seen, count, s);
    }
    apus_panels results = {rows, j->value_depth, count, t->scores, TILE, APUS_WEIGHT_FLOAT32, (const char *)t->packed_values, TILE, .adds = first > t->first_key, .c = t->out + row * t->out_step, .ldc = t->out_step};
    if (j->is_few) results.loose = v, results.column_step = 1, results.line_step = j->value->strides[2];
    return apus_panels_run(&results);
}

static void pack_tile(task *t, int64_t first, int64_t count) {
    const job *j = t->j;
    int64_t shared = t->head / j->shared, key_step = j->key->strides[2], value_step = j->value->strides[2];
    const float *k = (const float *)head_of(j->key, t->batch, shared, 4) + first * key_step, *v = (const float *)head_of(j->value, t->batch, shared, 4) + first * value_step;
    for (int64_t i = 0; i < count; i += APUS_PANEL) apus_pack_panel(k + i * key_step, key_step, 1, APUS_MIN(APUS_PANEL, count - i), j->depth, t->packed_keys + i * j->depth);
    for (int64_t i = 0; i < j->value_depth; i += APUS_PANEL) apus_pack_panel(v + i, 1, value_step, APUS_MIN(APUS_PANEL, j->value_depth - i), count, t->packed_values + i * TILE);
}

/// Weighted sums, not yet divided by the sums of weights.
static int run_task(task *t) {
    const job *j = t->j;
    int status = APUS_OK;
    for (int64_t i = 0; i < t->count; i++) t->best[i] = -INFINITY, t->sum[i] = 0;
    int64_t end = j->causal ? APUS_MIN(t->end_key, t->first + t->count) : t->end_key;
    for (int64_t first = t->first_key; first < end && status == APUS_OK; first += TILE) {
        int64_t count = APUS_MIN(TILE, end - first);
        if (!j->is_few) pack_tile(t, first, count);
        for (int64_t row = 0; row < t->count && status == APUS_OK; row += BLOCK) {
            int64_t rows = APUS_MIN(BLOCK, t->count - row), seen = j->causal ? APUS_MIN(count, t->first + row + rows - first) : count;
            if (seen > 0) status = run_block(t, row, rows, first, seen);
        }
    }
    return status;
}

/// The factor of a row's result, by the sum of its weights.
static float inverse(const job *j, float sum) { return sum != 0 ? 1 / sum : j->is_safe ? 0 : NAN; }

static void attention_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    int64_t rows = APUS_MIN(BLOCK, j->chunk), keys = j->is_few ? 0 : (TILE + APUS_PANEL) * j->depth, values = j->is_few ? 0 : (j->value_depth + APUS_PANEL) * TILE;
    float *memory = apus_allocate((rows * TILE + keys + values + 2 * j->chunk) * 4);
    int status = memory ? APUS_OK : APUS_OUT_OF_MEMORY;
    for (int64_t n = begin; n < end && status == APUS_OK; n++) {
        int64_t head = n / j->chunks, part = n % j->chunks;
        task t = {j, head / j->heads, head % j->heads, .end_key = j->keys, .count = j->queries, .scores = memory, .out_step = j->out->strides[2]};
        t.packed_keys = memory + rows * TILE, t.packed_values = t.packed_keys + keys;
        t.best = t.packed_values + values, t.sum = t.best + j->chunk;
        if (j->partial) {
            t.first_key = part * PART, t.end_key = APUS_MIN(j->keys, t.first_key + PART);
            t.out = j->partial + n * j->queries * (j->value_depth + 2), t.out_step = j->value_depth;
            t.best = t.out + j->queries * j->value_depth, t.sum = t.best + j->queries;
            status = run_task(&t);
            continue;
        }
        t.first = part * j->chunk, t.count = APUS_MIN(j->chunk, j->queries - t.first);
        t.out = (float *)head_of(j->out, t.batch, t.head, 4) + t.first * t.out_step;
        status = run_task(&t);
        for (int64_t i = 0; i < t.count; i++) scale_row(t.out + i * t.out_step, j->value_depth, inverse(j, t.sum[i]));
    }
    apus_free(memory);
    if (status != APUS_OK) atomic_store_explicit(&j->status, status, memory_order_relaxed);
}

/// Adds up what the parts of a head's keys gave.
static void combine(const job *j, int64_t batch, int64_t head) {
    int64_t depth = j->value_depth, size = j->queries * (depth + 2);
    const float *parts = j->partial + (batch * j->heads + head) * j->chunks * size;
    for (int64_t i = 0; i < j->queries; i++) {
        float best = -INFINITY, sum = 0, *out = (float *)head_of(j->out, batch, head, 4) + i * j->out->strides[2];
        for (int64_t p = 0; p < j->chunks; p++) best = APUS_MAX(best, parts[p * size + j->queries * depth + i]);
        for (int64_t p = 0; p < j->chunks; p++) {
            const float *from = parts + p * size;
            float factor = correction(from[j->queries * depth + i], best);
            sum += from[j->queries * (depth + 1) + i] * factor;
            for (int64_t c = 0; c < depth; c++) out[c] = (p == 0 ? 0 : out[c]) + from[i * depth + c] * factor;
        }
        scale_row(out, depth, inverse(j, sum));
    }
}

/// Whether rows can be walked as they are.
static bool is_walkable(const apus_view *v) {
    return v->rank == 4 && v->dtype == APUS_FLOAT32 && (v->sizes[3] <= 1 || v->strides[3] == 1) && (v->sizes[2] <= 1 || v->strides[2] >= APUS_MAX(v->sizes[3], 1));
}

/// A single query of each of several heads that share keys: as many queries of one head.
static apus_view folded(const apus_view *v, int64_t shared, int64_t sizes[4], int64_t strides[4]) {
    for (int d = 0; d < 4; d++) sizes[d] = v->sizes[d], strides[d] = v->strides[d];
    sizes[1] /= shared, sizes[2] = shared;
    strides[2] = strides[1], strides[1] *= shared;
    return (apus_view){v->data, sizes, strides, 4, v->dtype};
}

int apus_attention(const apus_view *query, const apus_view *key, const apus_view *value, const apus_view *mask, bool causal, double scale, bool is_safe, const apus_view *out) {
    if (query->dtype != APUS_FLOAT32 || (mask && mask->dtype != APUS_BOOL && mask->dtype != APUS_FLOAT32)) return APUS_UNSUPPORTED;
    if (!is_walkable(query) || !is_walkable(key) || !is_walkable(value) || !is_walkable(out) || (mask && mask->rank != 4)) return APUS_INVALID_ARGUMENT;
    int64_t batch = query->sizes[0], heads = query->sizes[1];
    const apus_view *all[] = {key, value, out, mask};
    for (int i = 0; i < 4; i++)
        if (all[i] && (all[i]->sizes[0] != batch || (i > 1 && all[i]->sizes[1] != heads))) return APUS_INVALID_ARGUMENT;
    if (value->sizes[1] != key->sizes[1] || (heads > 0 && (key->sizes[1] < 1 || heads % key->sizes[1] != 0))) return APUS_INVALID_ARGUMENT;
    if (key->sizes[3] != query->sizes[3] || value->sizes[2] != key->sizes[2] || out->sizes[2] != query->sizes[2] || out->sizes[3] != value->sizes[3]) return APUS_INVALID_ARGUMENT;
    if (mask && (mask->sizes[2] != query->sizes[2] || mask->sizes[3] != key->sizes[2])) return APUS_INVALID_ARGUMENT;
    if (batch == 0 || heads == 0 || query->sizes[2] == 0 || value->sizes[3] == 0) return APUS_OK;
    if (key->sizes[2] == 0) return apus_fill(0, 0, out);
    int64_t shared = heads / key->sizes[1], sizes[3][4], strides[3][4];
    apus_view q = *query, o = *out, m = {0};
    if (query->sizes[2] == 1 && shared > 1 && !causal) {
        q = folded(query, shared, sizes[0], strides[0]), o = folded(out, shared, sizes[1], strides[1]);
        if (mask) m = folded(mask, shared, sizes[2], strides[2]), mask = &m;
        heads /= shared, shared = 1;
    }
    job j = {.query = &q, .key = key, .value = value, .mask = mask, .out = &o, .causal = causal, .is_safe = is_safe, .scale = (float)scale, .heads = heads, .shared = shared, .queries = q.sizes[2],
             .keys = key->sizes[2], .depth = q.sizes[3], .value_depth = value->sizes[3]};
    j.is_few = j.queries <= APUS_FEW_ROWS;
    int64_t threads = apus_num_threads(), tasks = batch * heads, blocks = (j.queries - 1) / BLOCK + 1;
    // The parts of keys follow from the sizes alone, and so do the bits. Which task a block of queries belongs to does not matter to them.
    if (j.is_few && !causal && tasks <= FEW_HEADS && j.keys >= 2 * PART) {
        j.chunk = j.queries;
        j.chunks = (j.keys - 1) / PART + 1;
        j.partial = apus_allocate(tasks * j.chunks * j.queries * (j.value_depth + 2) * 4);
        if (!j.partial) return APUS_OUT_OF_MEMORY;
    } else {
        int64_t wanted = threads == 1 ? 1 : APUS_MIN(blocks, (4 * threads - 1) / tasks + 1);
        j.chunk = APUS_MIN(j.queries, (blocks - 1) / wanted * BLOCK + BLOCK);
        j.chunks = (j.queries - 1) / j.chunk + 1;
    }
    int64_t work = (j.partial ? j.queries * PART : j.chunk * j.keys) * (j.depth + j.value_depth);
    apus_parallel_for(tasks * j.chunks, 100000 / APUS_MAX(work, 1) + 1, attention_range, &j);
    if (j.partial && j.status == APUS_OK)
        for (int64_t t = 0; t < tasks; t++) combine(&j, t / heads, t % heads);
    apus_free(j.partial);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
