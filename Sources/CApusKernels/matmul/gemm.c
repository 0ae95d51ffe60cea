/// Splits products over the pool.
#include "matmul.h"
#include <stdatomic.h>

/// Multiplications below which one thread is quicker.
static const double PARALLEL_WORK = 200000;

typedef struct {
    const apus_product *product;
    bool by_columns;
    int64_t unit;
    _Atomic int status;
} split;

static int run_inline(const apus_product *p) {
    int64_t limit = INT32_MAX;
    bool countable = p->m <= limit && p->n <= limit && p->k <= limit && p->lda <= limit && p->ldb <= limit && p->ldc <= limit;
    if (p->dtype >= APUS_FLOAT32 && countable) return apus_product_blas(p);
    return apus_product_portable(p);
}

static void split_range(void *context, int64_t begin, int64_t end) {
    split *s = context;
    apus_product part = *s->product;
    int64_t item = apus_dtype_size(part.dtype), size = s->by_columns ? part.n : part.m;
    int64_t from = begin * s->unit, to = APUS_MIN(end * s->unit, size);
    if (s->by_columns) {
        part.n = to - from;
        part.b = (const char *)part.b + (part.transpose_b ? from * part.ldb : from) * item;
        part.c = (char *)part.c + from * item;
    } else {
        part.m = to - from;
        part.a = (const char *)part.a + (part.transpose_a ? from : from * part.lda) * item;
        part.c = (char *)part.c + from * part.ldc * item;
    }
    int status = run_inline(&part);
    if (status != APUS_OK) atomic_store_explicit(&s->status, status, memory_order_relaxed);
}

int apus_product_run(const apus_product *p) {
    if (p->dtype == APUS_FLOAT16 || p->dtype == APUS_BFLOAT16) return apus_product_half(p);
    if (p->dtype >= APUS_FLOAT32) apus_blas_initialize();
    int threads = apus_num_threads();
    double work = (double)p->m * (double)p->n * (double)p->k;
    if (threads < 2 || work < PARALLEL_WORK) return run_inline(p);
    // Columns, unless there are far more rows: a thread then packs its own part of B only. Parts are cut at multiples of the kernels' width.
    split s = {.product = p, .by_columns = p->n >= 32 && p->m <= 2 * p->n};
    int64_t size = s.by_columns ? p->n : p->m, align = s.by_columns ? 16 : 8;
    if (p->m == 1) s.by_columns = true, size = p->n;
    if (p->n == 1) s.by_columns = false, size = p->m;
    int64_t part = (size + threads - 1) / threads;
    s.unit = (part + align - 1) / align * align;
    apus_parallel_for((size - 1) / s.unit + 1, 1, split_range, &s);
    return atomic_load_explicit(&s.status, memory_order_relaxed);
}

int apus_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t lda, const void *b, int64_t ldb, double beta,
              void *c, int64_t ldc, int32_t dtype) {
    if (!apus_dtype_is_valid(dtype)) return APUS_UNSUPPORTED;
    if (m < 0 || n < 0 || k < 0) return APUS_INVALID_ARGUMENT;
    if (m == 0 || n == 0) return APUS_OK;
    int64_t a_columns = transpose_a ? m : k, b_columns = transpose_b ? k : n;
    if ((k > 0 && (lda < a_columns || ldb < b_columns)) || ldc < n) return APUS_INVALID_ARGUMENT;
    apus_product p = {transpose_a, transpose_b, m, n, k, alpha, beta, a, b, lda, ldb, c, ldc, dtype};
    return apus_product_run(&p);
}
