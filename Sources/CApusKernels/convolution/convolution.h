#ifndef APUS_CONVOLUTION_INTERNAL_H
#define APUS_CONVOLUTION_INTERNAL_H
#include "../matmul/matmul.h"

/// Positions from which on preparing weights pays.
enum { APUS_CONV_LEAST_POSITIONS = 96 };

/// Sizes derived from a convolution's description.
typedef struct apus_conv_shape {
    int64_t group_in, group_out; // channels per group
    int64_t in_plane, out_plane; // spatial positions
    int64_t window;              // kernel positions
    int64_t rows;                // group_in * window: the unrolled window
    bool pointwise;              // 1x1, stride 1, no padding, all positions: windows are the input itself
    bool depthwise;              // one input channel per group
} apus_conv_shape;

/// Checks the description and fills in the shape.
int apus_conv_check(const apus_conv *conv, int32_t dtype, apus_conv_shape *shape);

/// Windows of channels `channel` ..< + `channels` at output positions `first` ..< + `count`, as rows of `columns` (leading dimension `count`).
void apus_conv_unroll(const apus_conv *conv, int64_t item, const char *plane, int64_t channels, int64_t first, int64_t count, char *columns);
/// Adds rows of `columns`, for all output positions, back to the input planes they came from.
void apus_conv_roll_f32(const apus_conv *conv, const float *columns, int64_t channels, float *planes);
void apus_conv_roll_f64(const apus_conv *conv, const double *columns, int64_t channels, double *planes);

/// Depthwise convolution of output planes `begin` ..< `end` (batch times channels).
void apus_conv_depthwise_f64(const apus_conv *conv, const double *in, const double *weight, const double *bias, double *out, int64_t begin, int64_t end);

/// The convolution of integers and its gradient by the input, which is the transposed convolution.
int apus_conv_integers(const apus_conv *conv, const apus_conv_shape *shape, int32_t dtype, const void *in, const void *weight, const void *bias, void *out);
int apus_conv_integers_backward(const apus_conv *conv, const apus_conv_shape *shape, int32_t dtype, const void *grad, const void *weight, void *grad_in);
#endif
