/// Connectionist temporal classification (A. Graves and others, 'Connectionist temporal classification: labelling unsegmented sequence data with
/// recurrent neural networks', 2006): sums over all ways to spread a target over time, by dynamic programming.
#include "../support/internal.h"
#include <stdatomic.h>

typedef struct {
    int64_t steps, batch, classes, states, blank;
    const int64_t *targets, *starts, *input_lengths, *target_lengths;
    const void *log_probs, *gradients;
    void *losses, *log_alpha, *out;
    bool zero_infinity;
    _Atomic int status;
} ctc_job;

#define T float
#define NAME(name) name##_f32
#include "ctc.inc"
#undef T
#undef NAME
#define T double
#define NAME(name) name##_f64
#include "ctc.inc"

static bool describe(ctc_job *j, const apus_ctc *problem) {
    const apus_view *x = problem->log_probs, *losses = problem->losses, *alpha = problem->log_alpha;
    if (x->rank != 3 || alpha->rank != 3 || losses->rank != 1 || losses->dtype != x->dtype || alpha->dtype != x->dtype) return false;
    if (!apus_view_is_contiguous(x) || !apus_view_is_contiguous(losses) || !apus_view_is_contiguous(alpha)) return false;
    if (losses->sizes[0] != x->sizes[1] || alpha->sizes[0] != x->sizes[1] || alpha->sizes[1] != x->sizes[0]) return false;
    *j = (ctc_job){.steps = x->sizes[0], .batch = x->sizes[1], .classes = x->sizes[2], .states = alpha->sizes[2], .blank = problem->blank,
                   .targets = problem->targets, .starts = problem->starts, .input_lengths = problem->input_lengths,
                   .target_lengths = problem->target_lengths, .log_probs = x->data, .losses = losses->data, .log_alpha = alpha->data};
    return true;
}

int apus_ctc_loss(const apus_ctc *problem) {
    ctc_job j;
    int32_t dtype = problem->log_probs->dtype;
    if (dtype != APUS_FLOAT32 && dtype != APUS_FLOAT64) return APUS_UNSUPPORTED;
    if (!describe(&j, problem)) return APUS_INVALID_ARGUMENT;
    apus_parallel_for(j.batch, 1, dtype == APUS_FLOAT32 ? forward_f32 : forward_f64, &j);
    return APUS_OK;
}

int apus_ctc_loss_backward(const apus_ctc *problem, const apus_view *gradients, bool zero_infinity, const apus_view *out) {
    ctc_job j;
    int32_t dtype = problem->log_probs->dtype;
    if (dtype != APUS_FLOAT32 && dtype != APUS_FLOAT64) return APUS_UNSUPPORTED;
    if (!describe(&j, problem) || gradients->dtype != dtype || out->dtype != dtype || apus_view_count(gradients) != j.batch) return APUS_INVALID_ARGUMENT;
    if (!apus_view_is_contiguous(gradients) || !apus_view_is_contiguous(out) || apus_view_count(out) != apus_view_count(problem->log_probs))
        return APUS_INVALID_ARGUMENT;
    j.gradients = gradients->data;
    j.out = out->data;
    j.zero_infinity = zero_infinity;
    apus_parallel_for(j.batch, 1, dtype == APUS_FLOAT32 ? backward_f32 : backward_f64, &j);
    return atomic_load(&j.status);
}
