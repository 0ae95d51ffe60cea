#ifndef APUS_MATMUL_H
#define APUS_MATMUL_H
#include "apus_epilogue.h"
#include "apus_view.h"

/// C = alpha * op(A) * op(B) + beta * C, row-major; op(A) is m x k, op(B) is k x n; leading dimensions count elements.
/// Every dtype: float32, float64 and complex through OpenBLAS, halves through float32, integers by portable loops (wrapping), bool as "any".
/// beta = 0 does not read C; k = 0 gives beta * C.
int apus_gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, double alpha, const void *a, int64_t lda, const void *b, int64_t ldb,
              double beta, void *c, int64_t ldc, int32_t dtype);

/// `out` [m, n] = beta * out + alpha * a [m, k] @ b [k, n], any strides (copies to scratch what BLAS cannot walk), one dtype. Rank 2 each, or rank 3 with
/// a leading batch dimension of one size; strides of 0 broadcast an operand over the batch.
int apus_matmul(double alpha, const apus_view *a, const apus_view *b, double beta, const apus_view *out);

/// Overwrites `b` [n, columns] with the solution of a x = b, where one triangle of `a` [n, n] is read, its diagonal as ones if it is `unit`. Contiguous,
/// float32, float64 or complex, sizes within 32 bits.
void apus_solve_triangular(int32_t dtype, bool upper, bool unit, int64_t n, int64_t columns, const void *a, void *b);

/// The dot product of two vectors, into a rank 0 view. No conjugation.
int apus_dot(const apus_view *a, const apus_view *b, const apus_view *out);

/// x [m, k] @ weight [n, k]^T + bias [n] (null for none), float32 or any dtype that `apus_matmul` takes; contiguous out [m, n].
int apus_linear(const apus_view *x, const apus_view *weight, const apus_view *bias, const apus_view *out);

/// How the numbers of a packed weight are stored. Whatever it is, they are computed with in float32.
typedef enum apus_weight_format {
    APUS_WEIGHT_FLOAT32 = 0,
    /// Rounded to the nearest.
    APUS_WEIGHT_BFLOAT16 = 1,
    /// Whole multiples, -127 ... 127, of a scale: the largest size among a column's numbers (of a group of them) by 127.
    APUS_WEIGHT_INT8 = 2,
} apus_weight_format;

/// Weights that stay the same can be packed once, which BLAS does anew for every product: it pays most for few rows. The form depends on the machine and is
/// not for files.
///
/// Bytes for a packed [n, k] weight (-1 where that overflows), and the packing of a float32 `weight` of any strides. For int8, `group` numbers along k share a
/// scale (0: all of them), and numbers that are not finite are refused.
int64_t apus_packed_size_as(int32_t format, int64_t group, int64_t n, int64_t k);
int apus_pack_as(int32_t format, int64_t group, const apus_view *weight, void *packed);
/// The same in float32.
int64_t apus_packed_size(int64_t n, int64_t k);
int apus_pack(const apus_view *weight, void *packed);
/// x [m, k] @ weight [n, k]^T + bias [n] (null for none) from a packed weight; float32, the last dimensions contiguous. `after` (null for none) gets pieces that
/// cover the result exactly once, by blocks of rows, as wide as the threads allow.
int apus_linear_packed(const apus_view *x, int64_t n, const void *packed, const apus_view *bias, apus_epilogue after, void *context, const apus_view *out);
#endif
