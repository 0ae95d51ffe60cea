#ifndef APUS_MATMUL_INTERNAL_H
#define APUS_MATMUL_INTERNAL_H
#include "../support/internal.h"

/// Everything that one product needs; row-major.
typedef struct apus_product {
    bool transpose_a, transpose_b;
    int64_t m, n, k;
    double alpha, beta;
    const void *a, *b;
    int64_t lda, ldb;
    void *c;
    int64_t ldc;
    int32_t dtype;
    /// Not to be cut: one of several tasks, which have the pool already.
    bool whole;
} apus_product;

/// Runs on the calling thread. float32, float64, complex; sizes that BLAS can count.
int apus_product_blas(const apus_product *p);
/// Runs on the calling thread. Integers and bool, and any dtype whose sizes BLAS cannot count.
int apus_product_portable(const apus_product *p);
/// Runs over the pool (on the calling thread for a whole one). float32 without scaling.
int apus_product_panels(const apus_product *p);
/// Whether that beats BLAS.
bool apus_product_suits_panels(const apus_product *p);
/// Halves, by way of float32 copies.
int apus_product_half(const apus_product *p);
/// Any dtype, over the pool where it pays.
int apus_product_run(const apus_product *p);
#endif
