/// Runs folds over views.
#include "reduce.h"
#include <stdatomic.h>

/// Reduced elements that one task folds before tasks' results are combined: fixed, so that results do not depend on the number of threads.
enum { PART = 1 << 16, COLUMN_PARTS = 64 };

typedef struct {
    const apus_fold *fold;
    apus_reduce_op op;
    double parameter;
    const apus_reduce_plan *plan;
    const char *in_data;
    int64_t accumulator_item, register_item;
    char *partials;
    int64_t parts, part_size;
    bool across;
    _Atomic int status;
} job;

/// The norm of finite order of an output's elements, in units of the largest one (of the smallest for a negative order), whose powers fit any
/// dtype. `base` is where the elements start.
static double scaled_norm(const job *j, const char *base) {
    _Alignas(64) char raw[APUS_TILE * 8], converted[APUS_TILE * 8];
    const apus_plan *reduced = &j->plan->reduced;
    double unit = j->parameter > 0 ? 0 : INFINITY, total = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < reduced->count; i += APUS_TILE) {
            int64_t n = APUS_MIN(APUS_TILE, reduced->count - i);
            const double *a = apus_load_reduced(reduced, base, i, n, APUS_FLOAT64, raw, converted);
            for (int64_t k = 0; k < n; k++) {
                double size = fabs(a[k]);
                if (pass == 1) total += pow(size / unit, j->parameter);
                else if (j->parameter > 0 ? size > unit : size < unit) unit = size;
            }
        }
        if (unit == 0 || unit == INFINITY) return unit;
    }
    return unit * pow(total, 1 / j->parameter);
}

/// Accumulator to result: divides a mean, takes roots, converts. `base` is where the output's elements start.
static void finish(const job *j, char *out, const char *accumulator, const char *base) {
    _Alignas(16) char value[16];
    memcpy(value, accumulator, (size_t)j->accumulator_item);
    double count = (double)j->plan->reduced.count;
    if (j->op == APUS_REDUCE_MEAN) {
        double *parts = (double *)value;
        parts[0] /= count;
        if (j->fold->accumulator_dtype == APUS_COMPLEX128) parts[1] /= count;
    } else if (j->op == APUS_REDUCE_NORM && j->parameter != 0 && j->parameter != 1 && !isinf(j->parameter)) {
        double *x = (double *)value;
        bool fits = *x != *x || (*x > 0x1p-900 && *x < INFINITY);
        *x = !fits ? scaled_norm(j, base) : j->parameter == 2 ? sqrt(*x) : pow(*x, 1 / j->parameter);
    }
    apus_cast_loop(j->fold->accumulator_dtype, j->plan->kept.dtypes[1])(out, value, NULL, NULL, 1, NULL);
}

/// Folds reduced positions begin ..< end of one output.
static void fold_row(const job *j, const char *base, int64_t begin, int64_t end, char *accumulator) {
    _Alignas(64) char raw[APUS_TILE * 16], converted[APUS_TILE * 16];
    for (int64_t i = begin; i < end; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, end - i);
        const void *elements = apus_load_reduced(&j->plan->reduced, base, i, n, j->fold->register_dtype, raw, converted);
        j->fold->row(accumulator, elements, n, j->parameter);
    }
}

/// Each output's reduced dimensions one after the other.
static void row_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *kept = &j->plan->kept;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_plan_offsets(kept, kept->rank, begin, coordinates, offsets);
    for (int64_t i = begin; i < end; i++) {
        _Alignas(16) char accumulator[16];
        j->fold->clear(accumulator, 1);
        fold_row(j, j->in_data + offsets[0], 0, j->plan->reduced.count, accumulator);
        finish(j, kept->data[1] + offsets[1], accumulator, j->in_data + offsets[0]);
        apus_plan_next(kept, kept->rank, coordinates, offsets);
    }
}

/// Few outputs, long rows: task t folds part t % parts of output t / parts.
static void part_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *kept = &j->plan->kept;
    for (int64_t t = begin; t < end; t++) {
        int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
        apus_plan_offsets(kept, kept->rank, t / j->parts, coordinates, offsets);
        char *accumulator = j->partials + t * 16;
        j->fold->clear(accumulator, 1);
        int64_t first = t % j->parts * j->part_size;
        fold_row(j, j->in_data + offsets[0], first, APUS_MIN(first + j->part_size, j->plan->reduced.count), accumulator);
    }
}

enum { COLUMN_TILE = 1024, BLOCK_ROWS = 32 };

/// Whether columns may first be added up in float32, BLOCK_ROWS at a time.
static bool sums_in_blocks(const job *j) {
    return j->fold->register_dtype == APUS_FLOAT32 && (j->op == APUS_REDUCE_SUM || j->op == APUS_REDUCE_MEAN);
}
APUS_CLONES static void add_row(float *block, const float *row, int64_t n) {
    APUS_SIMD for (int64_t i = 0; i < n; i++) block[i] += row[i];
}

/// Folds `reduced` positions begin ..< end into a tile of `n` neighbouring outputs that start at byte `offset` and lie `stride` bytes apart.
static void fold_columns(const job *j, int64_t offset, int64_t stride, int64_t n, int64_t begin, int64_t end, char *accumulators) {
    _Alignas(64) char raw[APUS_TILE * 16], converted[APUS_TILE * 16];
    _Alignas(64) float block[COLUMN_TILE];
    const apus_plan *reduced = &j->plan->reduced;
    bool blocks = sums_in_blocks(j);
    int64_t item = reduced->item[0], coordinates[APUS_MAX_RANK], at[APUS_PLAN_OPERANDS], pending = 0;
    apus_plan_offsets(reduced, reduced->rank, begin, coordinates, at);
    for (int64_t i = begin; i < end; i++) {
        const char *elements = j->in_data + offset + at[0];
        if (stride != item) {
            apus_move(raw, item, elements, stride, n, item);
            elements = raw;
        }
        if (reduced->dtypes[0] != j->fold->register_dtype) {
            apus_cast_loop(reduced->dtypes[0], j->fold->register_dtype)(converted, elements, NULL, NULL, n, NULL);
            elements = converted;
        }
        if (blocks) {
            if (pending == 0) memcpy(block, elements, (size_t)n * 4);
            else add_row(block, (const float *)elements, n);
            if (++pending == BLOCK_ROWS || i + 1 == end) {
                j->fold->columns(accumulators, block, n, j->parameter);
                pending = 0;
            }
        } else {
            j->fold->columns(accumulators, elements, n, j->parameter);
        }
        apus_plan_next(reduced, reduced->rank, coordinates, at);
    }
}

/// Neighbouring outputs together. Task t: tile of the innermost kept dimension, then part.
static void column_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *kept = &j->plan->kept;
    int32_t inner = kept->rank - 1;
    int64_t width = kept->sizes[inner], tiles = (width - 1) / COLUMN_TILE + 1;
    for (int64_t t = begin; t < end; t++) {
        int64_t part = t % j->parts, column = t / j->parts % tiles * COLUMN_TILE, outer = t / j->parts / tiles;
        int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
        apus_plan_offsets(kept, inner, outer, coordinates, offsets);
        int64_t n = APUS_MIN(COLUMN_TILE, width - column);
        _Alignas(64) char own[COLUMN_TILE * 16];
        char *accumulators = j->parts > 1 ? j->partials + (t * COLUMN_TILE) * j->accumulator_item : own;
        j->fold->clear(accumulators, n);
        int64_t first = part * j->part_size;
        fold_columns(j, offsets[0] + column * kept->strides[inner][0], kept->strides[inner][0], n, first, APUS_MIN(first + j->part_size, j->plan->reduced.count), accumulators);
        if (j->parts > 1) continue;
        char *out = kept->data[1] + offsets[1] + column * kept->strides[inner][1];
        const char *base = j->in_data + offsets[0] + column * kept->strides[inner][0];
        for (int64_t i = 0; i < n; i++)
            finish(j, out + i * kept->strides[inner][1], accumulators + i * j->accumulator_item, base + i * kept->strides[inner][0]);
    }
}

static int reduce_rows(job *j) {
    int64_t outputs = j->plan->kept.count, length = j->plan->reduced.count;
    if (length < 2 * PART || outputs >= 64) {
        apus_parallel_for(outputs, 32768 / APUS_MAX(length, 1) + 1, row_range, j);
        return APUS_OK;
    }
    j->part_size = PART;
    j->parts = (length - 1) / PART + 1;
    j->partials = apus_allocate(j->parts * outputs * 16);
    if (!j->partials) return APUS_OUT_OF_MEMORY;
    apus_parallel_for(j->parts * outputs, 1, part_range, j);
    for (int64_t o = 0; o < outputs; o++) {
        char *first = j->partials + o * j->parts * 16;
        for (int64_t p = 1; p < j->parts; p++) j->fold->combine(first, first + p * 16);
        int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
        apus_plan_offsets(&j->plan->kept, j->plan->kept.rank, o, coordinates, offsets);
        finish(j, j->plan->kept.data[1] + offsets[1], first, j->in_data + offsets[0]);
    }
    apus_free(j->partials);
    return APUS_OK;
}

static int reduce_columns(job *j) {
    const apus_plan *kept = &j->plan->kept;
    int32_t inner = kept->rank - 1;
    int64_t width = kept->sizes[inner], tiles = (width - 1) / COLUMN_TILE + 1, outer = kept->count / width, length = j->plan->reduced.count;
    int64_t tasks = outer * tiles;
    j->parts = tasks >= COLUMN_PARTS || length * APUS_MIN(width, COLUMN_TILE) < PART ? 1 : APUS_MIN(COLUMN_PARTS / tasks, length / 16 + 1);
    j->part_size = (length - 1) / j->parts + 1;
    j->parts = (length - 1) / j->part_size + 1;
    if (j->parts > 1) {
        j->partials = apus_allocate(tasks * j->parts * COLUMN_TILE * j->accumulator_item);
        if (!j->partials) return APUS_OUT_OF_MEMORY;
    }
    int64_t work = j->part_size * APUS_MIN(width, COLUMN_TILE);
    apus_parallel_for(tasks * j->parts, 32768 / work + 1, column_range, j);
    if (j->parts == 1) return APUS_OK;
    for (int64_t t = 0; t < tasks; t++) {
        int64_t column = t % tiles * COLUMN_TILE, n = APUS_MIN(COLUMN_TILE, width - column);
        int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
        apus_plan_offsets(kept, inner, t / tiles, coordinates, offsets);
        char *out = kept->data[1] + offsets[1] + column * kept->strides[inner][1];
        char *first = j->partials + t * j->parts * COLUMN_TILE * j->accumulator_item;
        for (int64_t i = 0; i < n; i++) {
            char *accumulator = first + i * j->accumulator_item;
            for (int64_t p = 1; p < j->parts; p++) j->fold->combine(accumulator, accumulator + p * COLUMN_TILE * j->accumulator_item);
            finish(j, out + i * kept->strides[inner][1], accumulator, j->in_data + offsets[0] + (column + i) * kept->strides[inner][0]);
        }
    }
    apus_free(j->partials);
    return APUS_OK;
}

/// Whether outputs should be folded side by side: when the input runs along them, or there are many and each has little to fold.
static bool prefers_columns(const apus_reduce_plan *plan) {
    if (plan->kept.rank == 0 || plan->reduced.rank == 0) return false;
    int64_t kept_stride = llabs(plan->kept.strides[plan->kept.rank - 1][0]), reduced_stride = llabs(plan->reduced.strides[plan->reduced.rank - 1][0]);
    int64_t width = plan->kept.sizes[plan->kept.rank - 1];
    if (width >= 8 && kept_stride < reduced_stride) return true;
    return plan->reduced.count <= 16 && width >= 64;
}

int apus_reduce(apus_reduce_op op, double parameter, const apus_view *in, const apus_view *out) {
    if (!apus_dtype_is_valid(in->dtype) || !apus_dtype_is_valid(out->dtype)) return APUS_UNSUPPORTED;
    if (op == APUS_REDUCE_ARGMAX || op == APUS_REDUCE_ARGMIN)
        return apus_reduce_with_index(op == APUS_REDUCE_ARGMAX ? APUS_REDUCE_MAX : APUS_REDUCE_MIN, in, NULL, out);
    const apus_fold *fold = apus_find_fold(op, parameter, in->dtype, out->dtype);
    if (!fold) return APUS_UNSUPPORTED;
    apus_reduce_plan plan;
    int status = apus_reduce_plan_make(&plan, in, &out, 1, true);
    if (status != APUS_OK || plan.kept.count == 0) return status;
    bool needs_element = op == APUS_REDUCE_MAX || op == APUS_REDUCE_MIN || (op == APUS_REDUCE_NORM && isinf(parameter) && parameter < 0);
    if (plan.reduced.count == 0 && needs_element) return APUS_EMPTY_REDUCTION;
    job j = {.fold = fold, .op = op, .parameter = parameter, .plan = &plan, .in_data = in->data ? in->data : (const char *)&plan}; // an empty input may have no memory
    j.accumulator_item = apus_dtype_size(fold->accumulator_dtype);
    j.register_item = apus_dtype_size(fold->register_dtype);
    return plan.reduced.count > 0 && prefers_columns(&plan) ? reduce_columns(&j) : reduce_rows(&j);
}
