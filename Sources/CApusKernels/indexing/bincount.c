/// How often numbers occur.
#include "elements.h"

/// Numbers at least that one task counts into a table of its own, entries up to which numbers are counted in tables, and up to which a task keeps
/// several of them, so that equal neighbours need not wait for each other.
enum { PART = 1 << 16, MAX_ENTRIES = 1 << 20, FEW_ENTRIES = 1024, WAYS = 4 };

typedef struct {
    const apus_plan *plan; // weights, or the numbers again, and the numbers
    int64_t entries, part_size, ways;
    int64_t *tables; // one behind the other, each with an entry more: how many numbers were out of bounds
} job;

/// The next `n` numbers of an inner dimension as packed int64.
static const int64_t *load(const apus_plan *p, const char *from, int64_t n, char *raw, int64_t *values) {
    int64_t stride = p->rank == 0 ? p->item[1] : p->strides[p->rank - 1][1];
    if (stride != p->item[1]) {
        apus_move(raw, p->item[1], from, stride, n, p->item[1]);
        from = raw;
    }
    if (p->dtypes[1] == APUS_INT64) return (const int64_t *)from;
    apus_cast_loop(p->dtypes[1], APUS_INT64)(values, from, NULL, NULL, n, NULL);
    return values;
}

/// Counts a number in a table; those out of bounds in the entry behind the others. It is read once: another thread may write there.
APUS_INLINE void count(int64_t *table, int64_t entries, const int64_t *value) {
    uint64_t number = (uint64_t)*value;
    table[number < (uint64_t)entries ? number : (uint64_t)entries]++;
}

static void count_part(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *p = j->plan;
    char raw[APUS_TILE * 8];
    int64_t numbers[APUS_TILE], entries = j->entries, inner = p->rank == 0 ? 1 : p->sizes[p->rank - 1];
    int32_t outer = p->rank == 0 ? 0 : p->rank - 1;
    for (int64_t part = begin; part < end; part++) {
        int64_t *table = j->tables + part * j->ways * (entries + 1), coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
        int64_t at = part * j->part_size, last = APUS_MIN(at + j->part_size, p->count), column = at % inner;
        memset(table, 0, (size_t)(j->ways * (entries + 1)) * 8);
        apus_plan_offsets(p, outer, at / inner, coordinates, offsets);
        while (at < last) {
            int64_t n = APUS_MIN(APUS_MIN(APUS_TILE, last - at), inner - column), i = 0;
            const int64_t *values = load(p, p->data[1] + offsets[1] + (p->rank == 0 ? 0 : column * p->strides[p->rank - 1][1]), n, raw, numbers);
            if (j->ways == WAYS)
                for (; i + WAYS <= n; i += WAYS)
                    for (int w = 0; w < WAYS; w++) count(table + w * (entries + 1), entries, values + i + w);
            for (; i < n; i++) count(table, entries, values + i);
            at += n;
            column += n;
            if (column == inner) {
                column = 0;
                apus_plan_next(p, outer, coordinates, offsets);
            }
        }
    }
}

/// The numbers one after the other: sums of weights have an order. Without weights it finds the first number that is out of bounds.
static int add_in_order(const apus_plan *p, bool weighted, const apus_view *out, int64_t *bad_index) {
    apus_update update = apus_find_update(APUS_SCATTER_ADD, out->dtype);
    int64_t one = 1, step = out->strides[0] * apus_dtype_size(out->dtype);
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS], inner = p->rank == 0 ? 1 : p->sizes[p->rank - 1];
    int32_t outer = p->rank == 0 ? 0 : p->rank - 1;
    apus_plan_offsets(p, outer, 0, coordinates, offsets);
    for (int64_t at = 0; at < p->count; at += inner, apus_plan_next(p, outer, coordinates, offsets))
        for (int64_t column = 0; column < inner; column += APUS_TILE) {
            char raw[APUS_TILE * 8];
            int64_t numbers[APUS_TILE], n = APUS_MIN(APUS_TILE, inner - column), stride[2];
            for (int k = 0; k < 2; k++) stride[k] = p->rank == 0 ? 0 : p->strides[p->rank - 1][k];
            const int64_t *values = load(p, p->data[1] + offsets[1] + column * stride[1], n, raw, numbers);
            const char *weights = p->data[0] + offsets[0] + column * stride[0];
            for (int64_t i = 0; i < n; i++) {
                if ((uint64_t)values[i] >= (uint64_t)out->sizes[0]) return apus_bad_index(values[i], bad_index);
                char *target = (char *)out->data + values[i] * step;
                if (weighted && out->dtype == APUS_FLOAT32) *(float *)target += *(const float *)(weights + i * stride[0]);
                else if (weighted && out->dtype == APUS_FLOAT64) *(double *)target += *(const double *)(weights + i * stride[0]);
                else update(target, weighted ? weights + i * stride[0] : (const char *)&one);
            }
        }
    return APUS_OK;
}

int apus_bincount(const apus_view *in, const apus_view *weights, const apus_view *out, int64_t *bad_index) {
    if (in->dtype > APUS_INT64 || !apus_dtype_is_valid(in->dtype)) return APUS_UNSUPPORTED;
    if (out->rank != 1 || (weights && weights->dtype != out->dtype) || (!weights && out->dtype != APUS_INT64)) return APUS_UNSUPPORTED;
    const apus_view *views[] = {weights ? weights : in, in};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status == APUS_OK) status = apus_fill(0, 0, out);
    if (status != APUS_OK || plan.count == 0) return status;
    int64_t entries = out->sizes[0];
    job j = {.plan = &plan, .entries = entries, .ways = entries <= FEW_ENTRIES && plan.count >= WAYS * entries ? WAYS : 1};
    // Clearing the tables and adding them up is to cost little beside counting.
    int64_t parts = APUS_MAX(1, APUS_MIN(plan.count / PART, plan.count / APUS_MAX(1, 4 * j.ways * entries)));
    if (weights || entries > MAX_ENTRIES || entries > 4 * plan.count) return add_in_order(&plan, weights != NULL, out, bad_index);
    j.part_size = (plan.count - 1) / parts + 1;
    parts = (plan.count - 1) / j.part_size + 1;
    j.tables = apus_allocate(parts * j.ways * (entries + 1) * 8);
    if (!j.tables) return APUS_OUT_OF_MEMORY;
    apus_parallel_for(parts, 1, count_part, &j);
    for (int64_t p = 1; p < parts * j.ways; p++)
        for (int64_t i = 0; i <= entries; i++) j.tables[i] += j.tables[p * (entries + 1) + i];
    bool is_bad = j.tables[entries] > 0;
    if (!is_bad) apus_move(out->data, out->strides[0] * 8, j.tables, 8, entries, 8);
    apus_free(j.tables);
    return is_bad ? add_in_order(&plan, false, out, bad_index) : APUS_OK;
}
