#ifndef APUS_SORT_H
#define APUS_SORT_H
#include "apus_view.h"

/// Sorts along `dim`, stably; NaN is larger than every number. `indices` is int64; either output may be null.
int apus_sort(int32_t dim, bool descending, const apus_view *in, const apus_view *values, const apus_view *indices);
/// The `k` (the outputs' size along `dim`) largest or smallest, in order.
int apus_topk(int32_t dim, bool largest, bool sorted, const apus_view *in, const apus_view *values, const apus_view *indices);
/// The `k`-th smallest (from 1) along `dim`; outputs have size 1 there.
int apus_kthvalue(int32_t dim, int64_t k, const apus_view *in, const apus_view *value, const apus_view *index);
/// The middle one along `dim`, the lower of two, and the first of its positions in the stable order; NaN if there is one, or counts not if
/// `ignores_nan` (then NaN where there is nothing else). Outputs have size 1 along `dim`, of which nothing is APUS_EMPTY_REDUCTION.
int apus_median(int32_t dim, bool ignores_nan, const apus_view *in, const apus_view *value, const apus_view *index);
/// Positions at which `values` go into `sorted` (last dimension ascending; either rank 1, or `values`' leading sizes). `out` is int64 or int32.
int apus_searchsorted(bool right, const apus_view *sorted, const apus_view *values, const apus_view *out);

/// Finds the distinct elements of `in`, ascending, or only those of neighbours if `consecutive` (then in the order of `in`). NaN differs from itself.
/// `values` is rank 1, contiguous, as long as `in`'s count at least; the first `count` are written. `inverse` (in's sizes) and
/// `counts` (as long as values) are int64 and may be null.
int apus_unique(bool consecutive, const apus_view *in, const apus_view *values, const apus_view *inverse, const apus_view *counts, int64_t *count);
#endif
