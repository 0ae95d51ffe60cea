/// Products through OpenBLAS.
#include "matmul.h"
#include <cblas.h>

/// y = alpha * op(M) x + beta * y, where `m` is stored rows x columns.
static void gemv(int32_t dtype, bool transpose, int64_t rows, int64_t columns, double alpha, const void *m, int64_t ld, const void *x, int64_t x_step, double beta,
                 void *y, int64_t y_step) {
    CBLAS_TRANSPOSE t = transpose ? CblasTrans : CblasNoTrans;
    int r = (int)rows, c = (int)columns, l = (int)ld, sx = (int)x_step, sy = (int)y_step;
    double alpha2[2] = {alpha, 0}, beta2[2] = {beta, 0};
    float alpha1[2] = {(float)alpha, 0}, beta1[2] = {(float)beta, 0};
    switch (dtype) {
    case APUS_FLOAT32: cblas_sgemv(CblasRowMajor, t, r, c, (float)alpha, m, l, x, sx, (float)beta, y, sy); break;
    case APUS_FLOAT64: cblas_dgemv(CblasRowMajor, t, r, c, alpha, m, l, x, sx, beta, y, sy); break;
    case APUS_COMPLEX64: cblas_cgemv(CblasRowMajor, t, r, c, alpha1, m, l, x, sx, beta1, y, sy); break;
    default: cblas_zgemv(CblasRowMajor, t, r, c, alpha2, m, l, x, sx, beta2, y, sy); break;
    }
}

/// Zeros, or scales: what is left of a product without terms. Some BLAS versions let NaN survive a factor of 0, so vectors are cleared by hand.
static void clear_or_scale(const apus_product *p) {
    int64_t item = apus_dtype_size(p->dtype);
    for (int64_t i = 0; i < p->m; i++) {
        char *row = (char *)p->c + i * p->ldc * item;
        if (p->beta == 0) {
            memset(row, 0, (size_t)(p->n * item));
            continue;
        }
        int64_t parts = p->n * (apus_dtype_is_complex(p->dtype) ? 2 : 1);
        bool wide = p->dtype == APUS_FLOAT64 || p->dtype == APUS_COMPLEX128;
        for (int64_t j = 0; j < parts; j++) {
            if (wide) ((double *)row)[j] *= p->beta;
            else ((float *)row)[j] *= (float)p->beta;
        }
    }
}

/// Products too small for BLAS to earn back its packing: rows of C as sums of rows of B.
APUS_CLONES static void small_f32(const apus_product *p) {
    const float *a = p->a, *b = p->b;
    float *c = p->c, alpha = (float)p->alpha;
    int64_t ai = p->transpose_a ? 1 : p->lda, ak = p->transpose_a ? p->lda : 1;
    for (int64_t i = 0; i < p->m; i++) {
        float *row = c + i * p->ldc;
        for (int64_t j = 0; j < p->n; j += 16) {
            float sum[16] = {0};
            int64_t width = APUS_MIN(16, p->n - j);
            if (width == 16) {
                for (int64_t k = 0; k < p->k; k++) {
                    float x = a[i * ai + k * ak];
                    const float *line = b + k * p->ldb + j;
                    for (int e = 0; e < 16; e++) sum[e] += x * line[e];
                }
            } else {
                for (int64_t k = 0; k < p->k; k++) {
                    float x = a[i * ai + k * ak];
                    const float *line = b + k * p->ldb + j;
                    for (int64_t e = 0; e < width; e++) sum[e] += x * line[e];
                }
            }
            for (int64_t e = 0; e < width; e++) row[j + e] = alpha * sum[e] + (p->beta == 0 ? 0 : (float)p->beta * row[j + e]);
        }
    }
}

int apus_product_blas(const apus_product *p) {
    if (p->m == 0 || p->n == 0) return APUS_OK;
    if (p->k == 0) {
        clear_or_scale(p);
        return APUS_OK;
    }
    CBLAS_TRANSPOSE ta = p->transpose_a ? CblasTrans : CblasNoTrans, tb = p->transpose_b ? CblasTrans : CblasNoTrans;
    if (p->m == 1 || p->n == 1) {
        apus_product single = *p;
        if (p->beta == 0) clear_or_scale(p);
        double beta = p->beta == 0 ? 1 : p->beta;
        if (p->n == 1) // C = op(A) b
            gemv(p->dtype, p->transpose_a, p->transpose_a ? p->k : p->m, p->transpose_a ? p->m : p->k, p->alpha, p->a, p->lda, p->b, p->transpose_b ? 1 : p->ldb, beta, single.c, p->ldc);
        else // C^T = op(B)^T a
            gemv(p->dtype, !p->transpose_b, p->transpose_b ? p->n : p->k, p->transpose_b ? p->k : p->n, p->alpha, p->b, p->ldb, p->a, p->transpose_a ? p->lda : 1, beta, single.c, 1);
        return APUS_OK;
    }
    if (p->dtype == APUS_FLOAT32 && !p->transpose_b && p->m * p->n * p->k <= 8192) {
        small_f32(p);
        return APUS_OK;
    }
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = (int)p->lda, ldb = (int)p->ldb, ldc = (int)p->ldc;
    float alpha1[2] = {(float)p->alpha, 0}, beta1[2] = {(float)p->beta, 0};
    double alpha2[2] = {p->alpha, 0}, beta2[2] = {p->beta, 0};
    switch (p->dtype) {
    case APUS_FLOAT32: cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, (float)p->alpha, p->a, lda, p->b, ldb, (float)p->beta, p->c, ldc); break;
    case APUS_FLOAT64: cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, p->alpha, p->a, lda, p->b, ldb, p->beta, p->c, ldc); break;
    case APUS_COMPLEX64: cblas_cgemm(CblasRowMajor, ta, tb, m, n, k, alpha1, p->a, lda, p->b, ldb, beta1, p->c, ldc); break;
    default: cblas_zgemm(CblasRowMajor, ta, tb, m, n, k, alpha2, p->a, lda, p->b, ldb, beta2, p->c, ldc); break;
    }
    return APUS_OK;
}

void apus_solve_triangular(int32_t dtype, bool upper, bool unit, int64_t n, int64_t columns, const void *a, void *b) {
    if (n == 0 || columns == 0) return;
    CBLAS_UPLO triangle = upper ? CblasUpper : CblasLower;
    CBLAS_DIAG diagonal = unit ? CblasUnit : CblasNonUnit;
    int m = (int)n, c = (int)columns;
    float one1[2] = {1, 0};
    double one2[2] = {1, 0};
    switch (dtype) {
    case APUS_FLOAT32: cblas_strsm(CblasRowMajor, CblasLeft, triangle, CblasNoTrans, diagonal, m, c, 1, a, m, b, c); break;
    case APUS_FLOAT64: cblas_dtrsm(CblasRowMajor, CblasLeft, triangle, CblasNoTrans, diagonal, m, c, 1, a, m, b, c); break;
    case APUS_COMPLEX64: cblas_ctrsm(CblasRowMajor, CblasLeft, triangle, CblasNoTrans, diagonal, m, c, one1, a, m, b, c); break;
    default: cblas_ztrsm(CblasRowMajor, CblasLeft, triangle, CblasNoTrans, diagonal, m, c, one2, a, m, b, c); break;
    }
}
