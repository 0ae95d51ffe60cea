/// Products of views: finds what BLAS can walk, copies what it cannot.
#include "matmul.h"
#include <stdatomic.h>

/// A matrix, or a batch of them, as BLAS sees it.
typedef struct {
    char *data;
    int64_t batch_stride; // elements; 0 where one matrix serves all
    int64_t ld;
    bool transposed;
    void *scratch;
} matrix;

/// Whether the last two dimensions can be walked as they are; fills `m` if so.
static bool walkable(const apus_view *v, matrix *m) {
    int64_t rows = v->sizes[v->rank - 2], columns = v->sizes[v->rank - 1];
    int64_t row_stride = v->strides[v->rank - 2], column_stride = v->strides[v->rank - 1];
    m->data = v->data;
    m->scratch = NULL;
    if (columns <= 1 || column_stride == 1) {
        if (columns <= 1 && rows > 1 && row_stride < 1) return false;
        if (rows <= 1 || row_stride >= APUS_MAX(columns, 1)) {
            m->transposed = false;
            m->ld = rows <= 1 ? APUS_MAX(columns, 1) : row_stride;
            return true;
        }
    }
    if (rows <= 1 || row_stride == 1) {
        if (columns <= 1 || column_stride >= APUS_MAX(rows, 1)) {
            m->transposed = true;
            m->ld = columns <= 1 ? APUS_MAX(rows, 1) : column_stride;
            return true;
        }
    }
    return false;
}

/// Makes a matrix of a rank 2 or 3 view, copying it (once, if it is broadcast over the batch) where BLAS cannot walk it.
static int make(const apus_view *v, matrix *m, bool copies) {
    m->batch_stride = v->rank == 3 && v->sizes[0] > 1 ? v->strides[0] : 0;
    if (walkable(v, m)) return APUS_OK;
    int64_t rows = v->sizes[v->rank - 2], columns = v->sizes[v->rank - 1];
    int64_t batch = m->batch_stride != 0 ? v->sizes[0] : 1;
    int64_t bytes;
    // Repeated numbers may be more than memory can hold.
    bool overflows = __builtin_mul_overflow(rows, columns, &bytes);
    overflows |= __builtin_mul_overflow(bytes, batch, &bytes);
    overflows |= __builtin_mul_overflow(bytes, apus_dtype_size(v->dtype), &bytes);
    m->scratch = overflows ? NULL : apus_allocate(bytes);
    if (!m->scratch) return APUS_OUT_OF_MEMORY;
    int64_t sizes[3] = {batch, rows, columns}, to[3] = {rows * columns, columns, 1};
    int64_t from[3] = {m->batch_stride, v->strides[v->rank - 2], v->strides[v->rank - 1]};
    apus_view in = {v->data, sizes, from, 3, v->dtype}, out = {m->scratch, sizes, to, 3, v->dtype};
    m->data = m->scratch;
    m->ld = APUS_MAX(columns, 1);
    m->transposed = false;
    if (m->batch_stride != 0) m->batch_stride = rows * columns;
    return copies ? apus_copy(&in, &out) : APUS_OK;
}

typedef struct {
    apus_product product;
    const matrix *a, *b, *c;
    int64_t item;
    _Atomic int status;
} batch_job;

static void batch_range(void *context, int64_t begin, int64_t end) {
    batch_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        apus_product p = j->product;
        p.a = j->a->data + i * j->a->batch_stride * j->item;
        p.b = j->b->data + i * j->b->batch_stride * j->item;
        p.c = j->c->data + i * j->c->batch_stride * j->item;
        int status = apus_product_run(&p);
        if (status != APUS_OK) atomic_store_explicit(&j->status, status, memory_order_relaxed);
    }
}

static int multiply(double alpha, const matrix *a, const matrix *b, double beta, const matrix *c, int64_t batch, int64_t m, int64_t n, int64_t k, int32_t dtype) {
    batch_job j = {.a = a, .b = b, .c = c, .item = apus_dtype_size(dtype)};
    if (!c->transposed) {
        j.product = (apus_product){a->transposed, b->transposed, m, n, k, alpha, beta, NULL, NULL, a->ld, b->ld, NULL, c->ld, dtype, false};
    } else { // C^T = B^T A^T
        j.product = (apus_product){!b->transposed, !a->transposed, n, m, k, alpha, beta, NULL, NULL, b->ld, a->ld, NULL, c->ld, dtype, false};
        j.a = b;
        j.b = a;
    }
    // One matrix B for a batch of stacked A: a single tall product.
    if (batch > 1 && !c->transposed && !a->transposed && b->batch_stride == 0 && a->batch_stride == m * a->ld && c->batch_stride == m * c->ld) {
        j.product.m *= batch;
        batch = 1;
    }
    double work = (double)m * (double)n * (double)k;
    if (batch >= apus_num_threads() && batch > 1) apus_parallel_for(batch, (int64_t)(100000 / (work + 1)) + 1, batch_range, &j);
    else batch_range(&j, 0, batch);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}

int apus_matmul(double alpha, const apus_view *a, const apus_view *b, double beta, const apus_view *out) {
    int32_t rank = out->rank, dtype = out->dtype;
    if ((rank != 2 && rank != 3) || a->rank != rank || b->rank != rank) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_valid(dtype) || a->dtype != dtype || b->dtype != dtype) return APUS_UNSUPPORTED;
    int64_t m = out->sizes[rank - 2], n = out->sizes[rank - 1], k = a->sizes[rank - 1], batch = rank == 3 ? out->sizes[0] : 1;
    if (a->sizes[rank - 2] != m || b->sizes[rank - 2] != k || b->sizes[rank - 1] != n) return APUS_INVALID_ARGUMENT;
    if (rank == 3 && (a->sizes[0] != batch || b->sizes[0] != batch)) return APUS_INVALID_ARGUMENT;
    if (batch == 0 || m == 0 || n == 0) return APUS_OK;
    matrix ma = {0}, mb = {0}, mc = {0};
    int status = make(a, &ma, true);
    if (status == APUS_OK) status = make(b, &mb, true);
    if (status == APUS_OK) status = make(out, &mc, beta != 0);
    if (status == APUS_OK) status = multiply(alpha, &ma, &mb, beta, &mc, batch, m, n, k, dtype);
    if (status == APUS_OK && mc.scratch) {
        int64_t sizes[3] = {batch, m, n}, from[3] = {m * n, n, 1}, to[3] = {rank == 3 ? out->strides[0] : 0, out->strides[rank - 2], out->strides[rank - 1]};
        apus_view in = {mc.scratch, sizes, from, 3, dtype}, target = {out->data, sizes, to, 3, dtype};
        status = apus_copy(&in, &target);
    }
    apus_free(ma.scratch);
    apus_free(mb.scratch);
    apus_free(mc.scratch);
    return status;
}

int apus_dot(const apus_view *a, const apus_view *b, const apus_view *out) {
    if (a->rank != 1 || b->rank != 1 || a->sizes[0] != b->sizes[0]) return APUS_INVALID_ARGUMENT;
    int64_t n = a->sizes[0], one[2] = {1, 1}, row[2] = {1, n}, column[2] = {n, 1};
    int64_t a_strides[2] = {n * APUS_MAX(a->strides[0], 1), a->strides[0]}, b_strides[2] = {b->strides[0], 1}, c_strides[2] = {1, 1};
    apus_view va = {a->data, row, a_strides, 2, a->dtype}, vb = {b->data, column, b_strides, 2, b->dtype}, vc = {out->data, one, c_strides, 2, out->dtype};
    return apus_matmul(1, &va, &vb, 0, &vc);
}

int apus_linear(const apus_view *x, const apus_view *weight, const apus_view *bias, const apus_view *out) {
    if (x->rank != 2 || weight->rank != 2 || out->rank != 2) return APUS_INVALID_ARGUMENT;
    int64_t sizes[2] = {weight->sizes[1], weight->sizes[0]}, strides[2] = {weight->strides[1], weight->strides[0]};
    apus_view transposed = {weight->data, sizes, strides, 2, weight->dtype};
    if (!bias) return apus_matmul(1, x, &transposed, 0, out);
    if (bias->rank != 1 || bias->sizes[0] != out->sizes[1] || bias->dtype != out->dtype) return APUS_INVALID_ARGUMENT;
    int64_t repeated[2] = {0, bias->strides[0]};
    apus_view rows = {bias->data, out->sizes, repeated, 2, bias->dtype};
    int status = apus_copy(&rows, out);
    return status != APUS_OK ? status : apus_matmul(1, x, &transposed, 1, out);
}
