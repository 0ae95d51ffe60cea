#ifndef APUS_CONV_TURNED_H
#define APUS_CONV_TURNED_H
#include "convolution.h"

/// Whether the gradient by the input is best computed as convolutions of the gradient.
bool apus_conv_suits_turned(const apus_conv *conv, const apus_conv_shape *shape);
int apus_conv_turned(const apus_conv *conv, const apus_conv_shape *shape, const float *grad, const float *weight, float *grad_in);
#endif
