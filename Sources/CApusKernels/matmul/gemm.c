/// Splits products over the pool.
#include "matmul.h"
#include <stdatomic.h>

/// Multiplications below which one thread is quicker, also of a product with a vector, which waits for its matrix, and how many are worth a piece.
static const double PARALLEL_WORK = 200000, PARALLEL_VECTOR_WORK = 40000, PIECE_WORK = 1000000;
enum { MAX_PIECES = 16, LEAST_UNIT = 256, LEAST_VECTOR_UNIT = 1024, COLUMN_ALIGNMENT = 16, ROW_ALIGNMENT = 8 };

/// A product as a grid of products. BLAS rounds differently where it is given another shape, so the grid follows from the shape alone: the bits of a result
/// depend neither on the number of threads nor on who else is at work.
typedef struct {
    const apus_product *product;
    int64_t row_unit, column_unit, rows, columns; // rows and columns of the grid
    _Atomic int status;
} split;

static int run_whole(const apus_product *p) {
    int64_t limit = INT32_MAX;
    bool countable = p->m <= limit && p->n <= limit && p->k <= limit && p->lda <= limit && p->ldb <= limit && p->ldc <= limit;
    if (p->dtype >= APUS_FLOAT32 && countable) return apus_product_blas(p);
    return apus_product_portable(p);
}

static void split_range(void *context, int64_t begin, int64_t end) {
    split *s = context;
    int64_t item = apus_dtype_size(s->product->dtype);
    for (int64_t t = begin; t < end; t++) {
        apus_product part = *s->product;
        int64_t row = t / s->columns * s->row_unit, column = t % s->columns * s->column_unit;
        part.m = APUS_MIN(s->row_unit, part.m - row);
        part.n = APUS_MIN(s->column_unit, part.n - column);
        part.a = (const char *)part.a + (part.transpose_a ? row : row * part.lda) * item;
        part.b = (const char *)part.b + (part.transpose_b ? column * part.ldb : column) * item;
        part.c = (char *)part.c + (row * part.ldc + column) * item;
        int status = run_whole(&part);
        if (status != APUS_OK) atomic_store_explicit(&s->status, status, memory_order_relaxed);
    }
}

/// The largest power of two up to `limit` for which each of so many pieces has `least` of `size`, so that threads end together.
static int64_t pieces_of(int64_t size, int64_t least, int64_t limit) {
    int64_t pieces = 1;
    while (pieces * 2 <= limit && size / (pieces * 2) >= least) pieces *= 2;
    return pieces;
}

static bool is_vector(const apus_product *p) { return p->m == 1 || p->n == 1; }

/// Columns first, unless there are far more rows: a piece then packs its own part of B only. It packs all of its rows of A, though: rows are cut as well
/// where both are many. At multiples of the kernels' width.
static void cut(const apus_product *p, double work, split *s) {
    bool by_columns = p->m == 1 || (p->n >= 32 && p->m <= 2 * p->n);
    int64_t size = by_columns ? p->n : p->m, other = by_columns ? p->m : p->n, most = 2;
    while (most < MAX_PIECES && (double)most * 2 * PIECE_WORK <= work) most *= 2;
    int64_t across = is_vector(p) ? 1 : pieces_of(other, 2 * LEAST_UNIT, APUS_MIN(most, 4));
    int64_t along = APUS_MAX(2 / across, pieces_of(size, is_vector(p) ? LEAST_VECTOR_UNIT : LEAST_UNIT, most / across));
    int64_t rows = by_columns ? across : along, columns = by_columns ? along : across;
    s->row_unit = ((p->m - 1) / rows + ROW_ALIGNMENT) / ROW_ALIGNMENT * ROW_ALIGNMENT;
    s->column_unit = ((p->n - 1) / columns + COLUMN_ALIGNMENT) / COLUMN_ALIGNMENT * COLUMN_ALIGNMENT;
    s->rows = (p->m - 1) / s->row_unit + 1;
    s->columns = (p->n - 1) / s->column_unit + 1;
}

int apus_product_run(const apus_product *p) {
    if (p->dtype == APUS_FLOAT16 || p->dtype == APUS_BFLOAT16) return apus_product_half(p);
    if (apus_product_suits_panels(p)) return apus_product_panels(p);
    if (p->dtype >= APUS_FLOAT32) apus_blas_initialize();
    double work = (double)p->m * (double)p->n * (double)p->k;
    if (p->whole || work < (is_vector(p) ? PARALLEL_VECTOR_WORK : PARALLEL_WORK)) return run_whole(p);
    split s = {.product = p};
    cut(p, work, &s);
    apus_parallel_for(s.rows * s.columns, 1, split_range, &s);
    return atomic_load_explicit(&s.status, memory_order_relaxed);
}

static int gemm(bool whole, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t lda, const void *b, int64_t ldb,
                double beta, void *c, int64_t ldc, int32_t dtype) {
    if (!apus_dtype_is_valid(dtype)) return APUS_UNSUPPORTED;
    if (m < 0 || n < 0 || k < 0) return APUS_INVALID_ARGUMENT;
    if (m == 0 || n == 0) return APUS_OK;
    int64_t a_columns = transpose_a ? m : k, b_columns = transpose_b ? k : n;
    if ((k > 0 && (lda < a_columns || ldb < b_columns)) || ldc < n) return APUS_INVALID_ARGUMENT;
    apus_product p = {transpose_a, transpose_b, m, n, k, alpha, beta, a, b, lda, ldb, c, ldc, dtype, whole};
    return apus_product_run(&p);
}

int apus_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t lda, const void *b, int64_t ldb, double beta,
              void *c, int64_t ldc, int32_t dtype) {
    return gemm(false, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, dtype);
}

int apus_gemm_of_task(int64_t tasks, bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t lda, const void *b,
                      int64_t ldb, double beta, void *c, int64_t ldc, int32_t dtype) {
    return gemm(tasks > 1, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, dtype);
}
