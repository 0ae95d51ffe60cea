#ifndef APUS_REDUCE_H
#define APUS_REDUCE_H
#include "apus_view.h"

typedef enum apus_reduce_op {
    APUS_REDUCE_SUM = 0,
    APUS_REDUCE_PROD = 1,
    APUS_REDUCE_MEAN = 2,
    /// NaN wins in max, min, argmax, argmin; the first index wins among equals.
    APUS_REDUCE_MAX = 3,
    APUS_REDUCE_MIN = 4,
    APUS_REDUCE_ANY = 5,
    APUS_REDUCE_ALL = 6,
    APUS_REDUCE_ARGMAX = 7,
    APUS_REDUCE_ARGMIN = 8,
    /// (sum |x|^p)^(1/p), p given by `parameter`: 0 counts what is not zero, infinities give the largest or smallest magnitude.
    APUS_REDUCE_NORM = 9,
    /// Sum without NaN.
    APUS_REDUCE_NANSUM = 10,
    APUS_REDUCE_SUM_OF_SQUARES = 11,
    APUS_REDUCE_COUNT_NONZERO = 12,
} apus_reduce_op;

/// Reduces the dimensions that are of size 1 in `out` (which has `in`'s rank, as with keepdim=True).
///
/// Sum, mean, product, norm: elements are converted to `out`'s dtype's accumulator (float64 above float32 blocks, int64 for integers), so the output dtype
/// decides. Max and min compare in `in`'s dtype. Any and all write bool or uint8. Argmax and argmin write int64: the position in the
/// row-major order of the reduced dimensions. A dimension of size 1 in both counts as kept, which is the same.
int apus_reduce(apus_reduce_op op, double parameter, const apus_view *in, const apus_view *out);

/// Max, min (with `op` APUS_REDUCE_MAX or _MIN) together with their positions (int64).
int apus_reduce_with_index(apus_reduce_op op, const apus_view *in, const apus_view *values, const apus_view *indices);

/// Variance (sum of squared deviations / max(0, n - correction)) and mean. Either output may be null; `take_root` gives the standard deviation.
int apus_var_mean(double correction, bool take_root, const apus_view *in, const apus_view *variance, const apus_view *mean);
#endif
