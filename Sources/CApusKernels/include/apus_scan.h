#ifndef APUS_SCAN_H
#define APUS_SCAN_H
#include "apus_view.h"

typedef enum apus_scan_op {
    APUS_SCAN_SUM = 0,
    APUS_SCAN_PROD = 1,
    APUS_SCAN_MAX = 2,
    APUS_SCAN_MIN = 3,
    APUS_SCAN_LOGSUMEXP = 4,
} apus_scan_op;

/// Running sum, product, maximum, minimum or log of the sum of exponentials along `dim`; `in` and `out` have the same sizes.
/// `indices` (int64; null for all but max and min) gets the position of each running extreme: the last among equals, as PyTorch gives.
int apus_scan(apus_scan_op op, int32_t dim, const apus_view *in, const apus_view *out, const apus_view *indices);
#endif
