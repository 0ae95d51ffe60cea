#ifndef APUS_CONV_WINOGRAD_H
#define APUS_CONV_WINOGRAD_H
#include "convolution.h"

/// Whether the form for 3 x 3 windows applies.
bool apus_conv_allows_winograd(const apus_conv *conv);
/// Bytes of the transformed weights of F(m x m, 3 x 3); m is 2 or 4.
int64_t apus_conv_winograd_size(const apus_conv *conv, int m);
void apus_conv_winograd_pack(const apus_conv *conv, int m, const float *weight, float *packed);
int apus_conv_winograd(const apus_conv *conv, int m, const float *in, const float *packed, const float *bias, apus_epilogue after, void *context, float *out);
#endif
