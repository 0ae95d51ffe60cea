/// Extremes with their positions.
#include "../support/lines.h"
#include "reduce.h"

typedef struct {
    const apus_reduce_plan *plan;
    const char *in_data;
    bool max, has_values, has_indices;
    int32_t register_dtype;
    int32_t value_operand, index_operand;
} job;

// The first among equals; the first NaN before everything. `best` starts as the first element.
#define SEARCH(T, IS_NAN)                                                                                                                      \
    static int64_t search_##T(const T *a, int64_t n, int64_t first, bool max, T *best, int64_t position) {                                       \
        T b = *best;                                                                                                                            \
        if (IS_NAN(b)) return position;                                                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                                                                       \
            T x = a[i];                                                                                                                         \
            if (IS_NAN(x)) {                                                                                                                    \
                *best = x;                                                                                                                      \
                return first + i;                                                                                                               \
            }                                                                                                                                   \
            if (max ? x > b : x < b) {                                                                                                          \
                b = x;                                                                                                                          \
                position = first + i;                                                                                                           \
            }                                                                                                                                   \
        }                                                                                                                                       \
        *best = b;                                                                                                                              \
        return position;                                                                                                                        \
    }
#define FLOAT_NAN(x) ((x) != (x))
#define NEVER(x) 0
SEARCH(float, FLOAT_NAN)
SEARCH(double, FLOAT_NAN)
SEARCH(int32_t, NEVER)
SEARCH(int64_t, NEVER)

/// Fast for long float rows: the extreme first, by vectors, then the place where it stands.
APUS_CLONES static float extreme_f32(const float *a, int64_t n, bool max) {
    float lane[32];
    for (int j = 0; j < 32; j++) lane[j] = a[j];
    int64_t i = 32;
    if (max) {
        for (; i + 32 <= n; i += 32)
            for (int j = 0; j < 32; j++) lane[j] = a[i + j] > lane[j] || a[i + j] != a[i + j] ? a[i + j] : lane[j];
    } else {
        for (; i + 32 <= n; i += 32)
            for (int j = 0; j < 32; j++) lane[j] = a[i + j] < lane[j] || a[i + j] != a[i + j] ? a[i + j] : lane[j];
    }
    float best = lane[0];
    for (int j = 1; j < 32; j++) best = best != best ? best : lane[j] != lane[j] || (max ? lane[j] > best : lane[j] < best) ? lane[j] : best;
    for (; i < n; i++) best = best != best ? best : a[i] != a[i] || (max ? a[i] > best : a[i] < best) ? a[i] : best;
    return best;
}

static int64_t search_tile(const job *j, const void *elements, int64_t n, int64_t first, char *best, int64_t position) {
    switch (j->register_dtype) {
    case APUS_FLOAT32: {
        float *b = (float *)best;
        const float *a = elements;
        if (n < 64) return search_float(a, n, first, j->max, b, position);
        if (*b != *b) return position;
        float e = extreme_f32(a, n, j->max);
        if (e == e && !(j->max ? e > *b : e < *b)) return position;
        for (int64_t i = 0; i < n; i++)
            if (a[i] == e || (e != e && a[i] != a[i])) {
                *b = a[i];
                return first + i;
            }
        return position;
    }
    case APUS_FLOAT64: return search_double(elements, n, first, j->max, (double *)best, position);
    case APUS_INT32: return search_int32_t(elements, n, first, j->max, (int32_t *)best, position);
    default: return search_int64_t(elements, n, first, j->max, (int64_t *)best, position);
    }
}

static void index_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *kept = &j->plan->kept, *reduced = &j->plan->reduced;
    _Alignas(64) char raw[APUS_TILE * 8], converted[APUS_TILE * 8];
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_plan_offsets(kept, kept->rank, begin, coordinates, offsets);
    for (int64_t o = begin; o < end; o++) {
        const char *base = j->in_data + offsets[0];
        _Alignas(8) char best[8];
        int64_t position = 0;
        for (int64_t i = 0; i < reduced->count; i += APUS_TILE) {
            int64_t n = APUS_MIN(APUS_TILE, reduced->count - i);
            const void *elements = apus_load_reduced(reduced, base, i, n, j->register_dtype, raw, converted);
            if (i == 0) memcpy(best, elements, (size_t)apus_dtype_size(j->register_dtype));
            position = search_tile(j, elements, n, i, best, position);
        }
        if (j->has_values) apus_cast_loop(j->register_dtype, kept->dtypes[j->value_operand])(kept->data[j->value_operand] + offsets[j->value_operand], best, NULL, NULL, 1, NULL);
        if (j->has_indices) memcpy(kept->data[j->index_operand] + offsets[j->index_operand], &position, 8);
        apus_plan_next(kept, kept->rank, coordinates, offsets);
    }
}

/// One packed line, where a single dimension is reduced and runs against memory order.
static void index_line(void *context, char *const *lines, char *scratch) {
    const job *j = context;
    const apus_plan *reduced = &j->plan->reduced;
    int32_t dtype = reduced->dtypes[0];
    int64_t item = reduced->item[0], position = 0;
    _Alignas(8) char best[8];
    for (int64_t i = 0; i < reduced->count; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, reduced->count - i);
        const void *elements = lines[0] + i * item;
        if (dtype != j->register_dtype) {
            apus_cast_loop(dtype, j->register_dtype)(scratch, elements, NULL, NULL, n, NULL);
            elements = scratch;
        }
        if (i == 0) memcpy(best, elements, (size_t)apus_dtype_size(j->register_dtype));
        position = search_tile(j, elements, n, i, best, position);
    }
    if (j->has_values) apus_cast_loop(j->register_dtype, j->plan->kept.dtypes[j->value_operand])(lines[j->value_operand], best, NULL, NULL, 1, NULL);
    if (j->has_indices) memcpy(lines[j->index_operand], &position, 8);
}

int apus_reduce_with_index(apus_reduce_op op, const apus_view *in, const apus_view *values, const apus_view *indices) {
    if (op != APUS_REDUCE_MAX && op != APUS_REDUCE_MIN) return APUS_UNSUPPORTED;
    if (!apus_dtype_is_valid(in->dtype) || apus_dtype_is_complex(in->dtype)) return APUS_UNSUPPORTED;
    if (indices && indices->dtype != APUS_INT64) return APUS_UNSUPPORTED;
    const apus_view *outputs[2];
    int32_t n_out = 0;
    job j = {.in_data = in->data, .max = op == APUS_REDUCE_MAX, .has_values = values != NULL, .has_indices = indices != NULL};
    if (values) {
        if (!apus_dtype_is_valid(values->dtype)) return APUS_UNSUPPORTED;
        outputs[n_out++] = values;
        j.value_operand = n_out;
    }
    if (indices) {
        outputs[n_out++] = indices;
        j.index_operand = n_out;
    }
    if (n_out == 0) return APUS_OK;
    apus_reduce_plan plan;
    int status = apus_reduce_plan_make(&plan, in, outputs, n_out, false);
    if (status != APUS_OK || plan.kept.count == 0) return status;
    if (plan.reduced.count == 0) return APUS_EMPTY_REDUCTION;
    j.plan = &plan;
    j.register_dtype = in->dtype == APUS_BOOL ? APUS_INT32 : apus_register_dtype(in->dtype);
    int32_t dim = apus_reduced_dimension(&plan, in, outputs[0]);
    if (dim >= 0) {
        apus_lines lines = {.function = index_line, .context = &j, .views = {in}, .inputs = 1, .operands = 1 + n_out, .dim = dim, .grain = 16384, .scratch_bytes = APUS_TILE * 8};
        for (int32_t k = 0; k < n_out; k++) lines.views[1 + k] = outputs[k];
        return apus_lines_run(&lines);
    }
    apus_parallel_for(plan.kept.count, 16384 / plan.reduced.count + 1, index_range, &j);
    return APUS_OK;
}
