/// Convolutions with weights that were brought into the kernels' form beforehand.
#include "direct.h"

static bool applies(const apus_conv_shape *s, int32_t algorithm) {
    switch (algorithm) {
    case APUS_CONV_DIRECT: return true;
    case APUS_CONV_DEPTHWISE: return s->depthwise;
    default: return false;
    }
}

int32_t apus_conv_algorithm_for(const apus_conv *conv, int32_t dtype, bool exact) {
    apus_conv_shape shape;
    if (dtype != APUS_FLOAT32 || apus_conv_check(conv, dtype, &shape) != APUS_OK) return -1;
    if (shape.depthwise) return APUS_CONV_DEPTHWISE;
    return APUS_CONV_DIRECT;
}

int64_t apus_conv_packed_size(const apus_conv *conv, int32_t algorithm) {
    apus_conv_shape shape;
    int64_t count;
    if (apus_conv_check(conv, APUS_FLOAT32, &shape) != APUS_OK || !applies(&shape, algorithm)) return -1;
    if (algorithm == APUS_CONV_DIRECT) return apus_conv_direct_size(conv, &shape);
    return __builtin_mul_overflow(conv->out_channels, shape.rows, &count) || count > INT64_MAX / 4 ? -1 : count * 4;
}

int apus_conv_pack(const apus_conv *conv, int32_t algorithm, const void *weight, void *packed) {
    int64_t size = apus_conv_packed_size(conv, algorithm);
    apus_conv_shape shape;
    if (size < 0 || apus_conv_check(conv, APUS_FLOAT32, &shape) != APUS_OK) return APUS_INVALID_ARGUMENT;
    if (algorithm == APUS_CONV_DIRECT) apus_conv_direct_pack(conv, &shape, weight, packed);
    else memcpy(packed, weight, (size_t)size);
    return APUS_OK;
}

int apus_conv_packed(const apus_conv *conv, int32_t algorithm, const void *in, const void *packed, const void *bias, apus_epilogue after, void *context, void *out) {
    apus_conv_shape shape;
    int status = apus_conv_check(conv, APUS_FLOAT32, &shape);
    if (status != APUS_OK) return status;
    if (!applies(&shape, algorithm)) return APUS_INVALID_ARGUMENT;
    if (algorithm == APUS_CONV_DIRECT) return apus_conv_direct(conv, &shape, in, packed, bias, after, context, out);
    status = apus_conv_forward(conv, APUS_FLOAT32, in, packed, bias, out);
    if (status == APUS_OK && after && conv->batch * conv->out_channels * shape.out_plane > 0) after(context, 0, conv->batch * conv->out_channels, 0, shape.out_plane);
    return status;
}
