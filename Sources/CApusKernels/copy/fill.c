/// Fills: constants, progressions, triangles.
#include "../pointwise/loops.h"
#include "../support/plan.h"

int apus_fill(double real, double imaginary, const apus_view *out) {
    apus_c128 value = {real, imaginary};
    apus_view scalar = {.data = &value, .rank = 0, .dtype = APUS_COMPLEX128};
    if (!apus_dtype_is_valid(out->dtype)) return APUS_UNSUPPORTED;
    // Convert once; then the copy repeats one element of the right dtype.
    _Alignas(16) char element[16];
    apus_cast_loop(APUS_COMPLEX128, out->dtype)(element, &value, NULL, NULL, 1, NULL);
    scalar.data = element;
    scalar.dtype = out->dtype;
    return apus_copy(&scalar, out);
}

int apus_fill_int(int64_t value, const apus_view *out) {
    apus_view scalar = {.data = &value, .rank = 0, .dtype = APUS_INT64};
    if (!apus_dtype_is_valid(out->dtype)) return APUS_UNSUPPORTED;
    _Alignas(16) char element[16];
    apus_cast_loop(APUS_INT64, out->dtype)(element, &value, NULL, NULL, 1, NULL);
    scalar.data = element;
    scalar.dtype = out->dtype;
    return apus_copy(&scalar, out);
}

/// Computes a run of elements, by position, in int64 or float64; the tile is then converted and written to its place.
typedef struct {
    const apus_view *out;
    const apus_plan *plan;
    bool whole, integer, halves;
    int64_t int_start, int_step, count;
    double start, step, end;
} progression;

APUS_CLONES static void progression_tile(const progression *p, int64_t first, int64_t n, int64_t *integers, double *reals) {
    if (p->integer) {
        for (int64_t i = 0; i < n; i++) integers[i] = (int64_t)((uint64_t)p->int_start + (uint64_t)(first + i) * (uint64_t)p->int_step);
    } else if (p->halves) {
        int64_t half = p->count / 2;
        for (int64_t i = 0; i < n; i++) {
            int64_t at = first + i;
            double low = p->start + p->step * (double)at, high = p->end - p->step * (double)(p->count - 1 - at);
            reals[i] = at < half ? low : high;
        }
    } else {
        for (int64_t i = 0; i < n; i++) reals[i] = p->start + p->step * (double)(first + i);
    }
}

static void progression_range(void *context, int64_t begin, int64_t end) {
    const progression *p = context;
    int64_t integers[APUS_TILE];
    double reals[APUS_TILE];
    char packed[APUS_TILE * 16];
    const apus_plan *plan = p->plan;
    int64_t item = plan->item[0];
    apus_loop cast = apus_cast_loop(p->integer ? APUS_INT64 : APUS_FLOAT64, plan->dtypes[0]);
    const void *source = p->integer ? (void *)integers : (void *)reals;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    if (!p->whole) apus_plan_offsets(plan, plan->rank, begin, coordinates, offsets);
    for (int64_t i = begin; i < end; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, end - i);
        progression_tile(p, i, n, integers, reals);
        if (p->whole) {
            cast(plan->data[0] + i * item, source, NULL, NULL, n, NULL);
            continue;
        }
        cast(packed, source, NULL, NULL, n, NULL);
        for (int64_t e = 0; e < n; e++) {
            memcpy(plan->data[0] + offsets[0], packed + e * item, (size_t)item);
            apus_plan_next(plan, plan->rank, coordinates, offsets);
        }
    }
}

static int run_progression(progression *p, const apus_view *out) {
    apus_plan plan;
    int status = apus_plan_make(&plan, &out, 1, false);
    if (status != APUS_OK || plan.count == 0) return status;
    p->plan = &plan;
    p->out = out;
    p->count = plan.count;
    p->whole = apus_view_is_contiguous(out);
    apus_parallel_for(plan.count, 32768, progression_range, p);
    return APUS_OK;
}

int apus_arange(double start, double step, const apus_view *out) {
    progression p = {.start = start, .step = step};
    return run_progression(&p, out);
}
int apus_arange_int(int64_t start, int64_t step, const apus_view *out) {
    progression p = {.integer = true, .int_start = start, .int_step = step};
    return run_progression(&p, out);
}
int apus_linspace(double start, double end, const apus_view *out) {
    int64_t n = apus_view_count(out);
    if (out->dtype <= APUS_INT64) { // PyTorch takes the ends as integers first
        start = trunc(start);
        end = trunc(end);
    }
    progression p = {.halves = n > 1, .start = start, .end = end, .step = n > 1 ? (end - start) / (double)(n - 1) : 0};
    if (out->dtype == APUS_FLOAT32 && n > 1) { // PyTorch computes the step in the result's precision
        p.start = (float)start;
        p.end = (float)end;
        p.step = ((float)end - (float)start) / (float)(n - 1);
    }
    return run_progression(&p, out);
}

typedef struct {
    const apus_plan *plan;
    bool upper;
    int64_t diagonal, rows, columns;
    int64_t row_strides[2], column_strides[2];
} triangle;

static void triangle_range(void *context, int64_t begin, int64_t end) {
    const triangle *t = context;
    const apus_plan *p = t->plan;
    int64_t item = p->item[0];
    static const char zero[16] = {0};
    for (int64_t r = begin; r < end; r++) {
        int64_t row = r % t->rows, batch = r / t->rows, from = 0, to = 0;
        for (int32_t d = p->rank - 3; d >= 0; d--) {
            int64_t c = batch % p->sizes[d];
            batch /= p->sizes[d];
            from += c * p->strides[d][0];
            to += c * p->strides[d][1];
        }
        const char *in = p->data[0] + from + row * t->row_strides[0];
        char *out = p->data[1] + to + row * t->row_strides[1];
        // Columns 0 ..< edge lie below the diagonal (upper) or on and below it (lower).
        int64_t edge = row + t->diagonal + (t->upper ? 0 : 1);
        edge = APUS_MAX(0, APUS_MIN(edge, t->columns));
        int64_t keep_from = t->upper ? edge : 0, keep_to = t->upper ? t->columns : edge;
        int64_t si = t->column_strides[0], so = t->column_strides[1];
        apus_move(out + keep_from * so, so, in + keep_from * si, si, keep_to - keep_from, item);
        int64_t zero_from = t->upper ? 0 : edge, zero_to = t->upper ? edge : t->columns;
        apus_move(out + zero_from * so, so, zero, 0, zero_to - zero_from, item);
    }
}

int apus_triangle(bool upper, int64_t diagonal, const apus_view *in, const apus_view *out) {
    if (in->rank < 2 || out->rank != in->rank || in->dtype != out->dtype || in->rank > APUS_MAX_RANK || !apus_dtype_is_valid(in->dtype)) return APUS_INVALID_ARGUMENT;
    // The last two dimensions must stay apart, so the plan is written down without merging.
    apus_plan p = {.rank = in->rank, .operands = 2, .count = apus_view_count(out)};
    int64_t item = apus_dtype_size(in->dtype);
    p.data[0] = in->data;
    p.data[1] = out->data;
    p.item[0] = p.item[1] = item;
    for (int32_t d = 0; d < in->rank; d++) {
        if (in->sizes[d] != out->sizes[d]) return APUS_INVALID_ARGUMENT;
        p.sizes[d] = in->sizes[d];
        p.strides[d][0] = in->strides[d] * item;
        p.strides[d][1] = out->strides[d] * item;
    }
    if (p.count == 0) return APUS_OK;
    int32_t r = in->rank - 2, c = in->rank - 1;
    triangle t = {.plan = &p, .upper = upper, .diagonal = diagonal, .rows = p.sizes[r], .columns = p.sizes[c]};
    // Diagonals outside the matrix are all alike; held close, they cannot overflow.
    t.diagonal = APUS_MAX(-t.rows - 1, APUS_MIN(diagonal, t.columns + 1));
    for (int k = 0; k < 2; k++) {
        t.row_strides[k] = p.strides[r][k];
        t.column_strides[k] = p.strides[c][k];
    }
    apus_parallel_for(p.count / t.columns, 65536 / t.columns + 1, triangle_range, &t);
    return APUS_OK;
}
