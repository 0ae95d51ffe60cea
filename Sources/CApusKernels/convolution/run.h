#ifndef APUS_CONV_RUN_H
#define APUS_CONV_RUN_H
#include "../support/internal.h"

/// The register kernel with output channels in lanes: a run of neighbouring positions by one or two panels of sixteen channels.
enum { APUS_CONV_PANEL = 16, APUS_CONV_PANELS = 2, APUS_CONV_WIDTH = APUS_CONV_PANEL * APUS_CONV_PANELS };

typedef struct apus_conv_run {
    int64_t depth;
    const float *weight; // [depth][APUS_CONV_PANEL], and so many elements from one panel to the next
    int64_t panel_step;
    const float *in;        // the first position's values: k-th at in + offsets[k]
    const int64_t *offsets; // [depth]
    const float *start;     // what fresh sums begin with: [panels][APUS_CONV_PANEL]; null: they are added to what is there
    float *sums;            // [positions][APUS_CONV_WIDTH]
} apus_conv_run;

typedef void (*apus_conv_run_function)(const apus_conv_run *run);

/// The most positions to a run, 0 where the processor has too few registers; the most panels.
int apus_conv_run_limit(void);
int apus_conv_run_panels(void);
/// For runs of so many positions, one or two elements apart, and so many panels. Sums are those of `apus_conv_run_tile` over the same products.
apus_conv_run_function apus_conv_run_for(int64_t positions, int64_t step, int64_t panels);
#endif
