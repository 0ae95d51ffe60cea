#ifndef APUS_CONV_DIRECT_H
#define APUS_CONV_DIRECT_H
#include "convolution.h"

int64_t apus_conv_direct_size(const apus_conv *conv, const apus_conv_shape *shape);
void apus_conv_direct_pack(const apus_conv *conv, const apus_conv_shape *shape, const float *weight, float *packed);
int apus_conv_direct(const apus_conv *conv, const apus_conv_shape *shape, const float *in, const float *packed, const float *bias, apus_epilogue after, void *context, float *out);

#endif
