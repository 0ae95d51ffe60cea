#ifndef APUS_CONV_DEPTHWISE_H
#define APUS_CONV_DEPTHWISE_H
#include "convolution.h"

/// Whether the form for depthwise convolutions with small square windows applies.
bool apus_conv_suits_bands(const apus_conv *conv, const apus_conv_shape *shape);
int apus_conv_bands(const apus_conv *conv, const apus_conv_shape *shape, const float *in, const float *weight, const float *bias, apus_epilogue after, void *context, float *out);

/// The same with registers of sixteen lanes, where the processor has them and they are quicker.
bool apus_conv_suits_strips(const apus_conv *conv);
int apus_conv_strips(const apus_conv *conv, const apus_conv_shape *shape, const float *in, const float *weight, const float *bias, apus_epilogue after, void *context, float *out);
#endif
