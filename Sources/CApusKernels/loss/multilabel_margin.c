/// The margin loss of several classes a row.
#include "../support/internal.h"
#include <stdatomic.h>

typedef struct {
    int64_t classes;
    const void *scores;
    const int64_t *targets;
    void *losses, *is_target, *slopes;
    _Atomic int64_t bad_index;
    _Atomic int status;
} job;

#define T float
#define NAME(name) name##_f32
#include "multilabel_margin.inc"
#undef T
#undef NAME
#define T double
#define NAME(name) name##_f64
#include "multilabel_margin.inc"

int apus_multilabel_margin(const apus_view *scores, const apus_view *targets, const apus_view *losses, const apus_view *is_target, const apus_view *slopes,
                           int64_t *bad_index) {
    if (scores->dtype != APUS_FLOAT32 && scores->dtype != APUS_FLOAT64) return APUS_UNSUPPORTED;
    if (scores->rank != 2 || targets->dtype != APUS_INT64 || apus_view_count(losses) != scores->sizes[0]) return APUS_INVALID_ARGUMENT;
    const apus_view *matrices[] = {scores, targets, is_target, slopes};
    for (int i = 0; i < 4; i++)
        if (matrices[i] && (!apus_view_is_contiguous(matrices[i]) || apus_view_count(matrices[i]) != apus_view_count(scores))) return APUS_INVALID_ARGUMENT;
    if (!apus_view_is_contiguous(losses) || losses->dtype != scores->dtype || is_target->dtype != scores->dtype || (slopes && slopes->dtype != scores->dtype)) return APUS_INVALID_ARGUMENT;
    job j = {.classes = scores->sizes[1], .scores = scores->data, .targets = targets->data, .losses = losses->data, .is_target = is_target->data, .slopes = slopes ? slopes->data : NULL};
    if (j.classes == 0) return apus_fill(0, 0, losses);
    apus_parallel_for(scores->sizes[0], 4096 / j.classes + 1, scores->dtype == APUS_FLOAT32 ? rows_f32 : rows_f64, &j);
    *bad_index = atomic_load(&j.bad_index);
    return atomic_load(&j.status);
}
