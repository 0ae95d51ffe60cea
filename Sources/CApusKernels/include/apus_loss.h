#ifndef APUS_LOSS_H
#define APUS_LOSS_H
#include "apus_view.h"

/// The margin loss of rows with several target classes: the sum over a target class and another one of max(0, 1 - (target's score - other's score)), over
/// the number of classes. `scores` [N, C], `targets` int64 [N, C], classes up to the first -1; `losses` [N]; `is_target` [N, C], 1 for targets. `slopes`,
/// the losses' derivatives [N, C], may be null. Contiguous, float32 or float64; sums are taken in float64.
int apus_multilabel_margin(const apus_view *scores, const apus_view *targets, const apus_view *losses, const apus_view *is_target, const apus_view *slopes,
                           int64_t *bad_index);
#endif
