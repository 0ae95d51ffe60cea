/// Convolutions with weights that were brought into the kernels' form beforehand.
#include "depthwise.h"
#include "direct.h"
#include "runs.h"
#include "winograd.h"

static bool applies(const apus_conv *conv, const apus_conv_shape *shape, int32_t algorithm) {
    switch (algorithm) {
    case APUS_CONV_DIRECT: return !shape->depthwise;
    case APUS_CONV_DEPTHWISE: return shape->depthwise;
    case APUS_CONV_WINOGRAD_2:
    case APUS_CONV_WINOGRAD_4: return apus_conv_allows_winograd(conv);
    default: return false;
    }
}

/// What a form costs, in vector products and as many of what else it does: each block of sixteen tiles multiplies all weights once, reading them from memory costs
/// about as much as one block, and tiles are transformed on their way in and out. Factors were measured.
static double winograd_cost(const apus_conv *c, int m, double transform) {
    double tiles = (double)c->batch * ((c->out_size[1] - 1) / m + 1) * ((c->out_size[2] - 1) / m + 1), blocks = ceil(tiles / 16);
    double channels = (double)c->in_channels, outputs = (double)c->out_channels;
    return (m + 2) * (m + 2) * channels * outputs * (blocks + 1) + transform * blocks * (channels + outputs);
}

int32_t apus_conv_algorithm_for(const apus_conv *conv, int32_t dtype, bool exact) {
    apus_conv_shape shape;
    if (dtype != APUS_FLOAT32 || apus_conv_check(conv, dtype, &shape) != APUS_OK) return -1;
    // With one position it is a product with a vector, which reads the weights as they lie.
    if (shape.pointwise && shape.out_plane == 1) return -1;
    if (shape.depthwise) return APUS_CONV_DEPTHWISE;
    if (!apus_conv_allows_winograd(conv)) return APUS_CONV_DIRECT;
    double columns = (double)conv->batch * ceil((double)(conv->out_size[1] * (conv->out_size[2] + 2)) / 16);
    double best = 9.0 * (double)conv->in_channels * (double)conv->out_channels * (columns + 1);
    double small = winograd_cost(conv, 2, 250), large = winograd_cost(conv, 4, 600);
    if (!exact && large < APUS_MIN(best, small)) return APUS_CONV_WINOGRAD_4;
    return small < best ? APUS_CONV_WINOGRAD_2 : APUS_CONV_DIRECT;
}

int64_t apus_conv_packed_size(const apus_conv *conv, int32_t algorithm) {
    apus_conv_shape shape;
    if (apus_conv_check(conv, APUS_FLOAT32, &shape) != APUS_OK || !applies(conv, &shape, algorithm)) return -1;
    switch (algorithm) {
    case APUS_CONV_DIRECT: return apus_conv_direct_size(conv, &shape);
    case APUS_CONV_DEPTHWISE: return conv->out_channels > INT64_MAX / 4 / shape.window ? -1 : conv->out_channels * shape.window * 4;
    default: return apus_conv_winograd_size(conv, algorithm == APUS_CONV_WINOGRAD_2 ? 2 : 4);
    }
}

int apus_conv_pack(const apus_conv *conv, int32_t algorithm, const void *weight, void *packed) {
    int64_t size = apus_conv_packed_size(conv, algorithm);
    apus_conv_shape shape;
    if (size < 0 || apus_conv_check(conv, APUS_FLOAT32, &shape) != APUS_OK) return APUS_INVALID_ARGUMENT;
    switch (algorithm) {
    case APUS_CONV_DIRECT: apus_conv_direct_pack(conv, &shape, weight, packed); break;
    case APUS_CONV_DEPTHWISE: memcpy(packed, weight, (size_t)size); break;
    default: apus_conv_winograd_pack(conv, algorithm == APUS_CONV_WINOGRAD_2 ? 2 : 4, weight, packed);
    }
    return APUS_OK;
}

int apus_conv_packed(const apus_conv *conv, int32_t algorithm, const void *in, const void *packed, const void *bias, apus_epilogue after, void *context, void *out) {
    apus_conv_shape shape;
    int status = apus_conv_check(conv, APUS_FLOAT32, &shape);
    if (status != APUS_OK) return status;
    if (!applies(conv, &shape, algorithm)) return APUS_INVALID_ARGUMENT;
    switch (algorithm) {
    case APUS_CONV_WINOGRAD_2:
    case APUS_CONV_WINOGRAD_4: return apus_conv_winograd(conv, algorithm == APUS_CONV_WINOGRAD_2 ? 2 : 4, in, packed, bias, after, context, out);
    case APUS_CONV_DEPTHWISE:
        if (apus_conv_suits_bands(conv, &shape)) return apus_conv_bands(conv, &shape, in, packed, bias, after, context, out);
        return apus_conv_direct(conv, &shape, in, packed, bias, after, context, out);
    default:
        if (apus_conv_suits_runs(conv, &shape)) return apus_conv_runs(conv, &shape, in, packed, bias, after, context, out);
        return apus_conv_direct(conv, &shape, in, packed, bias, after, context, out);
    }
}
