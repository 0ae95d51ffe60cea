/// Runs folds over views.
#include "reduce.h"

/// Reduced elements that one task folds before tasks' results are combined: fixed, so that results do not depend on the number of threads.
enum { PART = 1 << 16, COLUMN_PARTS = 64 };
/// Outputs side by side that one task folds, and the size of the blocks that are gathered or converted for it.
enum { COLUMN_TILE = 1024, BLOCK_ROWS = 8, BLOCK_COLUMNS = 256 };
/// Elements that follow one another in memory which are worth a call, and that one call adds up in lanes of float32.
enum { MIN_RUN = 256, MAX_RUN = 1024 };
/// Outputs with one run each that are finished together.
enum { RUNS = 64 };
/// What a row costs beside its elements, in elements.
enum { ROW_COST = 96 };
/// Elements of an output up to which those of many are rather folded side by side, and the same for sums of what lies in one run.
enum { SHORT_ROW = 64, SHORT_RUN = 15 };

typedef struct {
    const apus_fold *fold;
    apus_reduce_op op;
    double parameter;
    const apus_reduce_plan *plan;
    const char *in_data;
    int64_t accumulator_item, register_item;
    apus_loop load, convert; // memory to register, or null where they are the same; accumulator to result
    char *partials;
    int64_t parts, part_size;
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

/// Accumulators to n results that lie `stride` bytes apart: divides a mean, takes roots, converts. `base` is where the first output's elements start,
/// those of the next `base_stride` bytes on.
static void finish(const job *j, char *out, int64_t stride, char *accumulators, int64_t n, const char *base, int64_t base_stride) {
    double count = (double)j->plan->reduced.count;
    if (j->op == APUS_REDUCE_MEAN) {
        int64_t parts = j->fold->accumulator_dtype == APUS_COMPLEX128 ? 2 * n : n;
        for (int64_t i = 0; i < parts; i++) ((double *)accumulators)[i] /= count;
    } else if (j->op == APUS_REDUCE_NORM && j->parameter != 0 && j->parameter != 1 && !isinf(j->parameter)) {
        for (int64_t i = 0; i < n; i++) {
            double *x = (double *)accumulators + i;
            bool fits = *x != *x || (*x > 0x1p-900 && *x < INFINITY);
            *x = !fits ? scaled_norm(j, base + i * base_stride) : j->parameter == 2 ? sqrt(*x) : pow(*x, 1 / j->parameter);
        }
    }
    if (n == 1 || stride == j->plan->kept.item[1]) {
        j->convert(out, accumulators, NULL, NULL, n, NULL);
    } else {
        for (int64_t i = 0; i < n; i++) j->convert(out + i * stride, accumulators + i * j->accumulator_item, NULL, NULL, 1, NULL);
    }
}

/// Folds reduced positions begin ..< end of one output: runs of memory as they lie, short or converted ones through tiles.
static void fold_row(const job *j, const char *base, int64_t begin, int64_t end, char *accumulator) {
    _Alignas(64) char raw[APUS_TILE * 16], converted[APUS_TILE * 16];
    const apus_plan *reduced = &j->plan->reduced;
    int32_t inner = reduced->rank - 1;
    int64_t run = inner < 0 ? 1 : reduced->sizes[inner];
    if (inner >= 0 && run >= MIN_RUN && reduced->strides[inner][0] == reduced->item[0] && !j->load) {
        if (inner == 0) {
            for (int64_t i = begin; i < end; i += MAX_RUN) j->fold->row(accumulator, base + i * reduced->item[0], APUS_MIN(MAX_RUN, end - i), j->parameter);
            return;
        }
        int64_t coordinates[APUS_MAX_RANK], at[APUS_PLAN_OPERANDS], first = begin % run;
        apus_plan_offsets(reduced, inner, begin / run, coordinates, at);
        for (int64_t left = end - begin; left > 0; first = 0) {
            int64_t last = APUS_MIN(run, first + left);
            left -= last - first;
            for (int64_t i = first; i < last; i += MAX_RUN)
                j->fold->row(accumulator, base + at[0] + i * reduced->item[0], APUS_MIN(MAX_RUN, last - i), j->parameter);
            apus_plan_next(reduced, inner, coordinates, at);
        }
        return;
    }
    for (int64_t i = begin; i < end; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, end - i);
        const void *elements = apus_load_reduced(reduced, base, i, n, j->fold->register_dtype, raw, converted);
        j->fold->row(accumulator, elements, n, j->parameter);
    }
}

/// Outputs whose elements lie in one short run each: a block of them is finished at a time.
static void run_range(const job *j, int64_t begin, int64_t end) {
    const apus_plan *kept = &j->plan->kept;
    int32_t inner = kept->rank - 1;
    int64_t width = kept->sizes[inner], length = j->plan->reduced.count, column = begin % width, coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int64_t step = kept->strides[inner][0], out_step = kept->strides[inner][1];
    _Alignas(64) char accumulators[RUNS * 16];
    apus_plan_offsets(kept, inner, begin / width, coordinates, offsets);
    for (int64_t left = end - begin, n; left > 0; left -= n) {
        n = APUS_MIN(RUNS, APUS_MIN(left, width - column));
        const char *base = j->in_data + offsets[0] + column * step;
        j->fold->clear(accumulators, n);
        for (int64_t i = 0; i < n; i++) j->fold->row(accumulators + i * j->accumulator_item, base + i * step, length, j->parameter);
        finish(j, kept->data[1] + offsets[1] + column * out_step, out_step, accumulators, n, base, step);
        column += n;
        if (column == width) {
            column = 0;
            apus_plan_next(kept, inner, coordinates, offsets);
        }
    }
}

/// Each output's reduced dimensions one after the other.
static void row_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *kept = &j->plan->kept, *reduced = &j->plan->reduced;
    if (kept->rank > 0 && reduced->rank == 1 && reduced->count <= MAX_RUN && reduced->strides[0][0] == reduced->item[0] && !j->load) {
        run_range(j, begin, end);
        return;
    }
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_plan_offsets(kept, kept->rank, begin, coordinates, offsets);
    for (int64_t i = begin; i < end; i++) {
        _Alignas(16) char accumulator[16];
        j->fold->clear(accumulator, 1);
        fold_row(j, j->in_data + offsets[0], 0, j->plan->reduced.count, accumulator);
        finish(j, kept->data[1] + offsets[1], 0, accumulator, 1, j->in_data + offsets[0], 0);
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

/// Folds `rows` rows of `n` outputs' elements. Rows lie `row_stride` bytes apart, outputs `stride`.
static void fold_block(const job *j, const char *elements, int64_t row_stride, int64_t rows, int64_t stride, int64_t n, char *accumulators) {
    const apus_fold *fold = j->fold;
    int64_t item = j->plan->reduced.item[0], times = COLUMN_TILE / APUS_MAX(n, 1) / 2;
    if (stride == item && row_stride == n * item && times >= 4 && rows >= 4 * times) {
        // Short rows that follow one another are folded as if they were long ones, whose pieces are combined in the end.
        _Alignas(64) char own[COLUMN_TILE / 2 * 16];
        fold->clear(own, times * n);
        fold_block(j, elements, times * row_stride, rows / times, stride, times * n, own);
        for (int64_t i = 0; i < times; i++) fold->combine(accumulators, own + i * n * j->accumulator_item, n);
        elements += rows / times * times * row_stride;
        rows %= times;
    }
    if (stride == item && j->plan->reduced.dtypes[0] == fold->register_dtype) {
        fold->columns(accumulators, elements, row_stride, rows, n, j->parameter);
        return;
    }
    _Alignas(64) char raw[BLOCK_ROWS * BLOCK_COLUMNS * 16], converted[BLOCK_ROWS * BLOCK_COLUMNS * 16];
    for (int64_t c = 0; c < n; c += BLOCK_COLUMNS)
        for (int64_t r = 0; r < rows; r += BLOCK_ROWS) {
            int64_t width = APUS_MIN(BLOCK_COLUMNS, n - c), height = APUS_MIN(BLOCK_ROWS, rows - r);
            const char *from = elements + r * row_stride + c * stride;
            if (stride == item) {
                for (int64_t i = 0; i < height; i++) j->load(converted + i * width * j->register_item, from + i * row_stride, NULL, NULL, width, NULL);
            } else {
                if (row_stride == item) apus_transpose(raw, width * item, from, stride, height, width, item);
                else
                    for (int64_t i = 0; i < height; i++) apus_move(raw + i * width * item, item, from + i * row_stride, stride, width, item);
                if (j->load) j->load(converted, raw, NULL, NULL, height * width, NULL);
            }
            fold->columns(accumulators + c * j->accumulator_item, j->load ? converted : raw, width * j->register_item, height, width, j->parameter);
        }
}

/// Folds `reduced` positions begin ..< end into a tile of `n` neighbouring outputs that start at byte `offset` and lie `stride` bytes apart.
static void fold_columns(const job *j, int64_t offset, int64_t stride, int64_t n, int64_t begin, int64_t end, char *accumulators) {
    const apus_plan *reduced = &j->plan->reduced;
    int32_t inner = reduced->rank - 1;
    int64_t coordinates[APUS_MAX_RANK], at[APUS_PLAN_OPERANDS], size = reduced->sizes[inner], row_stride = reduced->strides[inner][0], first = begin % size;
    apus_plan_offsets(reduced, inner, begin / size, coordinates, at);
    for (int64_t left = end - begin; left > 0; first = 0) {
        int64_t rows = APUS_MIN(left, size - first);
        fold_block(j, j->in_data + offset + at[0] + first * row_stride, row_stride, rows, stride, n, accumulators);
        left -= rows;
        apus_plan_next(reduced, inner, coordinates, at);
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
        finish(j, out, kept->strides[inner][1], accumulators, n, base, kept->strides[inner][0]);
    }
}

static int reduce_rows(job *j) {
    int64_t outputs = j->plan->kept.count, length = j->plan->reduced.count;
    if (length < 2 * PART || outputs >= 64) {
        apus_parallel_for(outputs, 32768 / (length + ROW_COST) + 1, row_range, j);
        return APUS_OK;
    }
    j->part_size = PART;
    j->parts = (length - 1) / PART + 1;
    j->partials = apus_allocate(j->parts * outputs * 16);
    if (!j->partials) return APUS_OUT_OF_MEMORY;
    apus_parallel_for(j->parts * outputs, 1, part_range, j);
    for (int64_t o = 0; o < outputs; o++) {
        char *first = j->partials + o * j->parts * 16;
        for (int64_t p = 1; p < j->parts; p++) j->fold->combine(first, first + p * 16, 1);
        int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
        apus_plan_offsets(&j->plan->kept, j->plan->kept.rank, o, coordinates, offsets);
        finish(j, j->plan->kept.data[1] + offsets[1], 0, first, 1, j->in_data + offsets[0], 0);
    }
    apus_free(j->partials);
    return APUS_OK;
}

static int reduce_columns(job *j) {
    const apus_plan *kept = &j->plan->kept;
    int32_t inner = kept->rank - 1;
    int64_t width = kept->sizes[inner], tiles = (width - 1) / COLUMN_TILE + 1, outer = kept->count / width, length = j->plan->reduced.count;
    int64_t tasks = outer * tiles;
    j->parts = tasks >= COLUMN_PARTS ? 1 : APUS_MIN(COLUMN_PARTS / tasks, length * APUS_MIN(width, COLUMN_TILE) / PART + 1);
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
        for (int64_t p = 1; p < j->parts; p++) j->fold->combine(first, first + p * COLUMN_TILE * j->accumulator_item, n);
        finish(j, out, kept->strides[inner][1], first, n, j->in_data + offsets[0] + column * kept->strides[inner][0], kept->strides[inner][0]);
    }
    apus_free(j->partials);
    return APUS_OK;
}

/// Whether outputs should be folded side by side: when the input runs along them, or there are many and each has little to fold.
static bool prefers_columns(const apus_reduce_plan *plan, apus_reduce_op op) {
    if (plan->kept.rank == 0 || plan->reduced.rank == 0) return false;
    int64_t kept_stride = llabs(plan->kept.strides[plan->kept.rank - 1][0]), reduced_stride = llabs(plan->reduced.strides[plan->reduced.rank - 1][0]);
    int64_t width = plan->kept.sizes[plan->kept.rank - 1];
    bool packed = kept_stride == plan->kept.item[0] && reduced_stride == width * kept_stride;
    if ((width >= 8 || packed) && kept_stride < reduced_stride) return true;
    bool is_run = plan->reduced.rank == 1 && reduced_stride == plan->reduced.item[0] && (op == APUS_REDUCE_SUM || op == APUS_REDUCE_MEAN);
    return plan->reduced.count <= (is_run ? SHORT_RUN : SHORT_ROW) && width >= 64;
}

int apus_reduce(apus_reduce_op op, double parameter, const apus_view *in, const apus_view *out) {
    if (!apus_dtype_is_valid(in->dtype) || !apus_dtype_is_valid(out->dtype)) return APUS_UNSUPPORTED;
    // A real result would be made of the real parts.
    if (op == APUS_REDUCE_NORM && apus_dtype_is_complex(in->dtype)) return APUS_UNSUPPORTED;
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
    if (in->dtype != fold->register_dtype) j.load = apus_cast_loop(in->dtype, fold->register_dtype);
    j.convert = apus_cast_loop(fold->accumulator_dtype, out->dtype);
    return plan.reduced.count > 0 && prefers_columns(&plan, op) ? reduce_columns(&j) : reduce_rows(&j);
}
