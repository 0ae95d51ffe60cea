#ifndef APUS_LOSS_H
#define APUS_LOSS_H
#include "apus_view.h"

/// The margin loss of rows with several target classes: the sum over a target class and another one of max(0, 1 - (target's score - other's score)), over
/// the number of classes. `scores` [N, C], `targets` int64 [N, C], classes up to the first -1; `losses` [N]; `is_target` [N, C], 1 for targets. `slopes`,
/// the losses' derivatives [N, C], may be null. Contiguous, float32 or float64; sums are taken in float64.
int apus_multilabel_margin(const apus_view *scores, const apus_view *targets, const apus_view *losses, const apus_view *is_target, const apus_view *slopes,
                           int64_t *bad_index);

/// Log probabilities [T, N, C] and targets of N examples, label by label: example n's from `starts[n]` on, which the caller has checked. `losses` [N];
/// `log_alpha` [N, T, S], S at least twice the longest target and 1. Contiguous, float32 or float64.
typedef struct apus_ctc {
    const apus_view *log_probs, *losses, *log_alpha;
    const int64_t *targets, *starts, *input_lengths, *target_lengths;
    int64_t blank;
} apus_ctc;
/// Writes the losses and the logarithms of the forward variables.
int apus_ctc_loss(const apus_ctc *problem);
/// Writes the gradient [T, N, C] of log probabilities that are a softmax's, from the losses' gradients [N]. With `zero_infinity` infinite losses have none.
int apus_ctc_loss_backward(const apus_ctc *problem, const apus_view *gradients, bool zero_infinity, const apus_view *out);
#endif
