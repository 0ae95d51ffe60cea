#ifndef APUS_NORMALIZE_H
#define APUS_NORMALIZE_H
#include "apus_view.h"

/// Softmax (or its logarithm) along `dim`. Any real floating dtypes; computes in float32, or float64 where either view is.
int apus_softmax(bool logarithm, int32_t dim, const apus_view *in, const apus_view *out);
/// From the gradient and the forward *result*.
int apus_softmax_backward(bool logarithm, int32_t dim, const apus_view *grad, const apus_view *result, const apus_view *out);

/// Layer norm over `columns` trailing elements of each of `rows` rows. All views contiguous; `in`, `out` [rows, columns]; `weight`, `bias` [columns] or
/// null; `mean`, `rstd` [rows] or null (float32, or float64 where `in` is; other dtypes are converted).
int apus_layer_norm(int64_t rows, int64_t columns, double epsilon, const apus_view *in, const apus_view *weight, const apus_view *bias,
                    const apus_view *out, const apus_view *mean, const apus_view *rstd);
/// Any of the three gradients may be null.
int apus_layer_norm_backward(int64_t rows, int64_t columns, const apus_view *grad, const apus_view *in, const apus_view *mean, const apus_view *rstd,
                             const apus_view *weight, const apus_view *grad_in, const apus_view *grad_weight, const apus_view *grad_bias);
/// out = in * rsqrt(mean(in^2) + epsilon) * weight
int apus_rms_norm(int64_t rows, int64_t columns, double epsilon, const apus_view *in, const apus_view *weight, const apus_view *out);

/// Layer norm over the channels of contiguous float32 [batch, channels, positions], which lie apart; `out` is not `in`. `weight`, `bias` [channels] or null. Sums are
/// taken in another order than by `apus_layer_norm`.
void apus_channel_norm(int64_t batch, int64_t channels, int64_t positions, double epsilon, const void *in, const void *weight, const void *bias, void *out);

/// Batch norm on contiguous [batch, channels, spatial]. `mean`, `variance`, `weight`, `bias` are [channels]; weight and bias may be null.
int apus_batch_norm_inference(int64_t batch, int64_t channels, int64_t spatial, double epsilon, const apus_view *in, const apus_view *weight,
                              const apus_view *bias, const apus_view *mean, const apus_view *variance, const apus_view *out);
/// Per-channel mean and biased variance, [channels] each.
int apus_batch_norm_statistics(int64_t batch, int64_t channels, int64_t spatial, const apus_view *in, const apus_view *mean, const apus_view *variance);
/// `mean` and `rstd` are those that normalised the input; `training` says whether they came from the batch. Any gradient may be null.
int apus_batch_norm_backward(bool training, int64_t batch, int64_t channels, int64_t spatial, const apus_view *grad, const apus_view *in,
                             const apus_view *weight, const apus_view *mean, const apus_view *rstd, const apus_view *grad_in,
                             const apus_view *grad_weight, const apus_view *grad_bias);

/// Group norm on contiguous [batch, channels, spatial]; `mean`, `rstd` [batch, groups] or null.
int apus_group_norm(int64_t batch, int64_t channels, int64_t spatial, int64_t groups, double epsilon, const apus_view *in, const apus_view *weight,
                    const apus_view *bias, const apus_view *out, const apus_view *mean, const apus_view *rstd);
int apus_group_norm_backward(int64_t batch, int64_t channels, int64_t spatial, int64_t groups, const apus_view *grad, const apus_view *in,
                             const apus_view *mean, const apus_view *rstd, const apus_view *weight, const apus_view *grad_in,
                             const apus_view *grad_weight, const apus_view *grad_bias);
#endif
