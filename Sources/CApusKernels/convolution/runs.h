#ifndef APUS_CONV_RUNS_H
#define APUS_CONV_RUNS_H
#include "convolution.h"

/// Whether output channels in lanes suit a convolution better than positions in lanes. Reads weights as `apus_conv_direct` does.
bool apus_conv_suits_runs(const apus_conv *conv, const apus_conv_shape *shape);
int apus_conv_runs(const apus_conv *conv, const apus_conv_shape *shape, const float *in, const float *packed, const float *bias, apus_epilogue after, void *context, float *out);
#endif
