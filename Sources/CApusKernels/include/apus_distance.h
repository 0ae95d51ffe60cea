#ifndef APUS_DISTANCE_H
#define APUS_DISTANCE_H
#include "apus_view.h"

/// The distances of order p >= 0 between rows: `x` is [B, N, K], `y` [B, M, K], `out` [B, N, M]; or, where `y` is null, those between each two rows of
/// `x`, [1, N, K], in the order (0, 1), (0, 2) ... (1, 2) ..., `out` [N (N - 1) / 2]. All contiguous and of one dtype, float32 or float64.
int apus_distances(double p, const apus_view *x, const apus_view *y, const apus_view *out);
/// The gradient with respect to `x`, written to `out`, of its sizes, from the one with respect to the distances. Where a distance has no derivative (0, for
/// p = 2) it counts as 0; for p infinite each of several largest differences has the whole gradient.
int apus_distances_backward(double p, const apus_view *grad, const apus_view *x, const apus_view *y, const apus_view *distances, const apus_view *out);
#endif
