/// Products that BLAS does not know: integers (wrapping), bool, and sizes beyond its counters.
#include "matmul.h"

// S: type of one step's sum. Rows of C gather scaled rows of op(B), which is packed first if it is transposed.
#define PORTABLE(NAME, T, S)                                                                                                                   \
    APUS_CLONES static void NAME(const apus_product *p, const T *b, int64_t ldb, S *sum) {                                                       \
        const T *a = p->a;                                                                                                                      \
        T *c = p->c;                                                                                                                            \
        S alpha = (S)(int64_t)p->alpha, beta = (S)(int64_t)p->beta;                                                                             \
        for (int64_t i = 0; i < p->m; i++) {                                                                                                    \
            memset(sum, 0, (size_t)p->n * sizeof(S));                                                                                           \
            for (int64_t k = 0; k < p->k; k++) {                                                                                                \
                S x = (S)(p->transpose_a ? a[k * p->lda + i] : a[i * p->lda + k]);                                                               \
                const T *row = b + k * ldb;                                                                                                     \
                APUS_SIMD for (int64_t j = 0; j < p->n; j++) sum[j] += x * (S)row[j];                                                            \
            }                                                                                                                                   \
            T *out = c + i * p->ldc;                                                                                                            \
            if (p->beta == 0) {                                                                                                                 \
                for (int64_t j = 0; j < p->n; j++) out[j] = (T)(alpha * sum[j]);                                                                 \
            } else {                                                                                                                            \
                for (int64_t j = 0; j < p->n; j++) out[j] = (T)(alpha * sum[j] + beta * (S)out[j]);                                              \
            }                                                                                                                                   \
        }                                                                                                                                       \
    }
PORTABLE(product_u8, uint8_t, uint32_t)
PORTABLE(product_i8, int8_t, uint32_t)
PORTABLE(product_i16, int16_t, uint32_t)
PORTABLE(product_i32, int32_t, uint32_t)
PORTABLE(product_i64, int64_t, uint64_t)

/// Floating and complex dtypes of any size, and bool, element by element.
static void product_slowly(const apus_product *p) {
    int64_t item = apus_dtype_size(p->dtype);
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            char *c = (char *)p->c + (i * p->ldc + j) * item;
            double re = 0, im = 0;
            for (int64_t k = 0; k < p->k; k++) {
                const char *a = (const char *)p->a + (p->transpose_a ? k * p->lda + i : i * p->lda + k) * item;
                const char *b = (const char *)p->b + (p->transpose_b ? j * p->ldb + k : k * p->ldb + j) * item;
                double x[2] = {0, 0}, y[2] = {0, 0};
                switch (p->dtype) {
                case APUS_BOOL: x[0] = *(const uint8_t *)a != 0, y[0] = *(const uint8_t *)b != 0; break;
                case APUS_FLOAT32: x[0] = *(const float *)a, y[0] = *(const float *)b; break;
                case APUS_FLOAT64: x[0] = *(const double *)a, y[0] = *(const double *)b; break;
                case APUS_COMPLEX64: x[0] = ((const float *)a)[0], x[1] = ((const float *)a)[1], y[0] = ((const float *)b)[0], y[1] = ((const float *)b)[1]; break;
                default: memcpy(x, a, 16), memcpy(y, b, 16); break;
                }
                apus_c128 product = apus_times_c128((apus_c128){x[0], x[1]}, (apus_c128){y[0], y[1]});
                re += product.re;
                im += product.im;
            }
            re *= p->alpha, im *= p->alpha;
            switch (p->dtype) {
            case APUS_BOOL: *(uint8_t *)c = re != 0 || (p->beta != 0 && *(uint8_t *)c != 0); break;
            case APUS_FLOAT32: *(float *)c = (float)(re + (p->beta == 0 ? 0 : p->beta * *(float *)c)); break;
            case APUS_FLOAT64: *(double *)c = re + (p->beta == 0 ? 0 : p->beta * *(double *)c); break;
            case APUS_COMPLEX64:
                ((float *)c)[0] = (float)(re + (p->beta == 0 ? 0 : p->beta * ((float *)c)[0]));
                ((float *)c)[1] = (float)(im + (p->beta == 0 ? 0 : p->beta * ((float *)c)[1]));
                break;
            default:
                ((double *)c)[0] = re + (p->beta == 0 ? 0 : p->beta * ((double *)c)[0]);
                ((double *)c)[1] = im + (p->beta == 0 ? 0 : p->beta * ((double *)c)[1]);
                break;
            }
        }
}

int apus_product_portable(const apus_product *p) {
    if (p->m == 0 || p->n == 0) return APUS_OK;
    if (!apus_dtype_is_integer(p->dtype)) {
        product_slowly(p);
        return APUS_OK;
    }
    int64_t item = apus_dtype_size(p->dtype), ldb = p->ldb;
    const char *b = p->b;
    char *packed = NULL;
    if (p->transpose_b && p->k > 0) {
        packed = apus_allocate(p->k * p->n * item);
        if (!packed) return APUS_OUT_OF_MEMORY;
        int64_t sizes[2] = {p->k, p->n}, from[2] = {1, p->ldb}, to[2] = {p->n, 1};
        apus_view in = {(void *)(uintptr_t)p->b, sizes, from, 2, p->dtype}, out = {packed, sizes, to, 2, p->dtype};
        apus_copy(&in, &out);
        b = packed;
        ldb = p->n;
    }
    void *sum = apus_allocate(p->n * 8);
    if (!sum) {
        apus_free(packed);
        return APUS_OUT_OF_MEMORY;
    }
    switch (p->dtype) {
    case APUS_UINT8: product_u8(p, (const uint8_t *)b, ldb, sum); break;
    case APUS_INT8: product_i8(p, (const int8_t *)b, ldb, sum); break;
    case APUS_INT16: product_i16(p, (const int16_t *)b, ldb, sum); break;
    case APUS_INT32: product_i32(p, (const int32_t *)b, ldb, sum); break;
    default: product_i64(p, (const int64_t *)b, ldb, sum); break;
    }
    apus_free(sum);
    apus_free(packed);
    return APUS_OK;
}

/// A float32 copy of a rows x columns matrix; null when memory has run out.
static float *widened(const void *m, int64_t rows, int64_t columns, int64_t ld, int32_t dtype) {
    float *copy = apus_allocate(APUS_MAX(rows * columns, 1) * 4);
    if (!copy) return NULL;
    int64_t sizes[2] = {rows, columns}, from[2] = {ld, 1}, to[2] = {columns, 1};
    apus_view in = {(void *)(uintptr_t)m, sizes, from, 2, dtype}, out = {copy, sizes, to, 2, APUS_FLOAT32};
    apus_copy(&in, &out);
    return copy;
}

int apus_product_half(const apus_product *p) {
    apus_product wide = *p;
    wide.dtype = APUS_FLOAT32;
    int64_t a_rows = p->transpose_a ? p->k : p->m, a_columns = p->transpose_a ? p->m : p->k;
    int64_t b_rows = p->transpose_b ? p->n : p->k, b_columns = p->transpose_b ? p->k : p->n;
    float *a = widened(p->a, a_rows, a_columns, p->lda, p->dtype), *b = widened(p->b, b_rows, b_columns, p->ldb, p->dtype);
    float *c = p->beta == 0 ? apus_allocate(APUS_MAX(p->m * p->n, 1) * 4) : widened(p->c, p->m, p->n, p->ldc, p->dtype);
    int status = APUS_OUT_OF_MEMORY;
    if (a && b && c) {
        wide.a = a, wide.lda = APUS_MAX(a_columns, 1);
        wide.b = b, wide.ldb = APUS_MAX(b_columns, 1);
        wide.c = c, wide.ldc = APUS_MAX(p->n, 1);
        status = apus_product_run(&wide);
        int64_t sizes[2] = {p->m, p->n}, from[2] = {p->n, 1}, to[2] = {p->ldc, 1};
        apus_view in = {c, sizes, from, 2, APUS_FLOAT32}, out = {p->c, sizes, to, 2, p->dtype};
        if (status == APUS_OK) status = apus_copy(&in, &out);
    }
    apus_free(a);
    apus_free(b);
    apus_free(c);
    return status;
}
