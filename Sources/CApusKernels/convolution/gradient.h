#ifndef APUS_CONV_GRADIENT_H
#define APUS_CONV_GRADIENT_H
#include "convolution.h"

/// Whether it is quicker than a product with unrolled windows.
bool apus_conv_suits_gradient(const apus_conv *conv, const apus_conv_shape *shape);
/// The gradient by the weight of a convolution that has elements and positions, in float32.
int apus_conv_gradient(const apus_conv *conv, const apus_conv_shape *shape, const float *grad, const float *in, float *grad_weight);
#endif
