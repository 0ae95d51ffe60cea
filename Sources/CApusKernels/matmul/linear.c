/// Linear layers with packed weights, over the pool.
#include "panels.h"
#include <stdatomic.h>

/// Rows of a piece, and floats of a result that stay in the second-level cache until the epilogue; the least rows and panels to be cut off where threads
/// have nothing to do; the work (multiplications; what reads a weight for few rows counts for more) that is worth a piece.
enum { MOST_ROWS = 128, RESULT_FLOATS = 1 << 16, LEAST_ROWS = 28, MOST_PANELS = 48, LEAST_PANELS = 4, PIECE_WORK = 200000 };

typedef struct {
    apus_panels whole;
    int64_t columns, row_pieces, column_pieces; // a piece's columns: a multiple of a panel's
    apus_epilogue after;
    void *context;
    _Atomic int status;
} job;

static void linear_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    for (int64_t t = begin; t < end; t++) {
        apus_panels p = j->whole;
        int64_t piece = t / j->column_pieces, column = t % j->column_pieces * j->columns, even = p.m / j->row_pieces, more = p.m % j->row_pieces;
        int64_t row = piece * even + APUS_MIN(piece, more);
        p.m = even + (piece < more);
        p.n = APUS_MIN(j->columns, p.n - column);
        p.a += row * p.lda;
        if (p.loose) p.loose += column * p.column_step;
        else p.panels += column / APUS_PANEL * p.lines * apus_line_bytes(p.format);
        if (p.scales) p.scales += column;
        if (p.bias) p.bias += column;
        p.c += row * p.ldc + column;
        int status = apus_panels_run(&p);
        if (status != APUS_OK) atomic_store_explicit(&j->status, status, memory_order_relaxed);
        else if (j->after) j->after(j->context, row, p.m, column, p.n);
    }
}

/// By rows first, so that pieces have all columns of a result; by columns where that leaves threads without work, or a piece would not fit into the cache.
static void cut(job *j) {
    int64_t m = j->whole.m, panels = (j->whole.n - 1) / APUS_PANEL + 1, threads = apus_num_threads();
    double work = (double)APUS_MAX(m, 4) * (double)j->whole.n * (double)APUS_MAX(j->whole.k, 16);
    int64_t wanted = threads == 1 || work < 2 * PIECE_WORK ? 1 : (int64_t)APUS_MIN(work / PIECE_WORK, (double)threads * 4);
    if (wanted > threads) wanted = wanted / threads * threads;
    int64_t columns = APUS_MIN(panels, MOST_PANELS), rows = APUS_MAX(LEAST_ROWS, APUS_MIN(MOST_ROWS, RESULT_FLOATS / (columns * APUS_PANEL))), across = 1;
    if (j->whole.loose) { // each piece of rows packs anew
        across = APUS_MAX(1, APUS_MIN(wanted, panels / LEAST_PANELS));
        j->row_pieces = APUS_MAX((m - 1) / (4 * MOST_ROWS) + 1, APUS_MIN((wanted - 1) / across + 1, m / LEAST_ROWS));
    } else {
        j->row_pieces = APUS_MAX((m - 1) / rows + 1, APUS_MIN(wanted, m / LEAST_ROWS));
        across = APUS_MAX((panels - 1) / MOST_PANELS + 1, APUS_MIN((wanted - 1) / j->row_pieces + 1, panels / LEAST_PANELS));
    }
    j->columns = ((panels - 1) / across + 1) * APUS_PANEL;
    j->column_pieces = (j->whole.n - 1) / j->columns + 1;
}

int apus_panels_over_pool(const apus_panels *p, apus_epilogue after, void *context) {
    job j = {.whole = *p, .after = after, .context = context};
    cut(&j);
    apus_parallel_for(j.row_pieces * j.column_pieces, 1, linear_range, &j);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}

int apus_linear_packed(const apus_view *x, int64_t n, const void *packed, const apus_view *bias, apus_epilogue after, void *context, const apus_view *out) {
    if (x->dtype != APUS_FLOAT32 || out->dtype != APUS_FLOAT32 || (bias && bias->dtype != APUS_FLOAT32)) return APUS_UNSUPPORTED;
    if (x->rank != 2 || out->rank != 2 || out->sizes[0] != x->sizes[0] || out->sizes[1] != n) return APUS_INVALID_ARGUMENT;
    if (x->sizes[0] == 0 || n == 0) return APUS_OK;
    if ((x->sizes[1] > 1 && x->strides[1] != 1) || (n > 1 && out->strides[1] != 1)) return APUS_INVALID_ARGUMENT;
    if (bias && (bias->rank != 1 || bias->sizes[0] != n || (n > 1 && bias->strides[0] != 1))) return APUS_INVALID_ARGUMENT;
    apus_panels p = apus_panels_of(packed);
    if (p.n != n || p.k != x->sizes[1]) return APUS_INVALID_ARGUMENT;
    p.m = x->sizes[0], p.a = x->data, p.lda = x->strides[0];
    p.c = out->data, p.ldc = out->strides[0];
    p.bias = bias ? bias->data : NULL;
    return apus_panels_over_pool(&p, after, context);
}
