#ifndef APUS_PANELS_H
#define APUS_PANELS_H
#include "../support/internal.h"

/// c [m, n] = a [m, k] * panel [k, 16] (+ bias), n <= 16, on the calling thread.
void apus_panel_product(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *panel, const float *bias, float *c, int64_t ldc);
#endif
