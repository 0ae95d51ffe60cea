#ifndef APUS_CONVOLUTION_H
#define APUS_CONVOLUTION_H
#include "apus_epilogue.h"
#include "apus_view.h"

/// A convolution of 1 to 3 spatial dimensions over contiguous [batch, channels, spatial...]; unused leading dimensions have size 1, kernel 1, stride 1,
/// padding 0, dilation 1 and come first, so that 2d fills entries 1 and 2.
typedef struct apus_conv {
    int64_t batch, in_channels, out_channels, groups;
    int64_t in_size[3], out_size[3], kernel[3], stride[3], padding[3], dilation[3];
} apus_conv;

/// Output size of one dimension, or -1 if the kernel does not fit or a parameter is out of range.
int64_t apus_conv_out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation);

/// in [batch, in_channels, in_size], weight [out_channels, in_channels/groups, kernel], bias [out_channels] or null, out [batch, out_channels, out_size].
/// All contiguous and of one floating or integer dtype (gradients by weight and bias: floating). In float32, convolutions of many
/// positions take the forms below, without F(4 x 4, 3 x 3); other windows are unrolled tile by tile into scratch from the allocator, sized to stay in cache.
int apus_conv_forward(const apus_conv *conv, int32_t dtype, const void *in, const void *weight, const void *bias, void *out);
/// Also the forward pass of a transposed convolution, whose input is `grad` here.
int apus_conv_backward_input(const apus_conv *conv, int32_t dtype, const void *grad, const void *weight, void *grad_in);
int apus_conv_backward_weight(const apus_conv *conv, int32_t dtype, const void *grad, const void *in, void *grad_weight);
int apus_conv_backward_bias(const apus_conv *conv, int32_t dtype, const void *grad, void *grad_bias);
/// Adds a per-channel bias to contiguous [batch, channels, spatial] (after a transposed convolution, which is backward_input).
int apus_add_channel_bias(int64_t batch, int64_t channels, int64_t spatial, int32_t dtype, const void *bias, void *out);

/// How a convolution with weights prepared beforehand is carried out. Decides the form of the packed weights. With F(m x m, 3 x 3) a NaN or an infinity reaches
/// all of the m x m outputs that are computed with it.
typedef enum {
    APUS_CONV_DIRECT,      // tiles of positions times panels of output channels, either of them in lanes, read in place or from padded planes
    APUS_CONV_DEPTHWISE,   // one input channel per group
    APUS_CONV_WINOGRAD_2,  // 3 x 3, stride 1: F(2 x 2, 3 x 3), 2.25 times fewer multiplications, errors as in the direct form
    APUS_CONV_WINOGRAD_4,  // F(4 x 4, 3 x 3), 4 times fewer multiplications, errors up to about ten times those of the direct form
} apus_conv_algorithm;

/// The fastest `apus_conv_algorithm` for these sizes; `exact` leaves out F(4 x 4, 3 x 3). -1 where there is no packed form, or none is quicker: other dtypes than
/// float32, 1 x 1 on one position, and descriptions that are not valid.
int32_t apus_conv_algorithm_for(const apus_conv *conv, int32_t dtype, bool exact);
/// Bytes of the packed weights, -1 where the algorithm does not apply. Depends on channels, groups and kernel only, as do the packed weights.
int64_t apus_conv_packed_size(const apus_conv *conv, int32_t algorithm);
int apus_conv_pack(const apus_conv *conv, int32_t algorithm, const void *weight, void *packed);
/// `apus_conv_forward` in float32 with packed weights. `after` may be null; it sees the result as rows = batch * out_channels, columns = spatial positions.
int apus_conv_packed(const apus_conv *conv, int32_t algorithm, const void *in, const void *packed, const void *bias, apus_epilogue after, void *context, void *out);

/// Pooling over contiguous [planes, in_size]; `planes` is batch times channels. Same convention for fewer dimensions.
typedef struct apus_pooling {
    int64_t planes;
    int64_t in_size[3], out_size[3], kernel[3], stride[3], padding[3], dilation[3];
} apus_pooling;

/// Output size of one dimension, or -1 where the parameters make no sense.
int64_t apus_pool_out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil_mode);
/// `indices` (int64, null if not wanted) are positions in the flattened input plane.
int apus_max_pool(const apus_pooling *pool, int32_t dtype, const void *in, void *out, int64_t *indices);
int apus_max_pool_backward(const apus_pooling *pool, int32_t dtype, const void *grad, const int64_t *indices, void *grad_in, int64_t *bad_index);
/// `divisor_override` 0 for none. Averages of integers are cut off towards zero.
int apus_avg_pool(const apus_pooling *pool, int32_t dtype, bool count_include_pad, int64_t divisor_override, const void *in, void *out);
int apus_avg_pool_backward(const apus_pooling *pool, int32_t dtype, bool count_include_pad, int64_t divisor_override, const void *grad, void *grad_in);
/// Reads only planes, in_size and out_size.
int apus_adaptive_avg_pool(const apus_pooling *pool, int32_t dtype, const void *in, void *out);
int apus_adaptive_avg_pool_backward(const apus_pooling *pool, int32_t dtype, const void *grad, void *grad_in);
int apus_adaptive_max_pool(const apus_pooling *pool, int32_t dtype, const void *in, void *out, int64_t *indices);
/// Interpolation of contiguous [planes, in_size] (2d in entries 1 and 2; 1d in entry 2). `scale` are PyTorch's explicit scale factors, 0 where absent.
int apus_upsample_nearest(const apus_pooling *pool, int32_t dtype, const double scale[3], const void *in, void *out);
int apus_upsample_linear(const apus_pooling *pool, int32_t dtype, bool align_corners, const double scale[3], const void *in, void *out);
#endif
