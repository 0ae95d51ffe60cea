/// Convolution of integers, window by window. Arithmetic wraps, in which signed and unsigned numbers agree: one loop for each width.
#include "convolution.h"

typedef struct {
    const apus_conv *conv;
    apus_conv_shape shape;
    const void *in, *weight, *bias;
    void *out;
} job;

/// The kernel positions of one dimension that meet the input at output position `at`.
APUS_INLINE int64_t source(const apus_conv *c, int d, int64_t at, int64_t k) { return at * c->stride[d] - c->padding[d] + k * c->dilation[d]; }

#define CONVOLUTION(SFX, T, U)                                                                                                                 \
    /* Output planes `begin` ..< `end`: each element gathers its window. */                                                                     \
    static void forward_##SFX(void *context, int64_t begin, int64_t end) {                                                                      \
        const job *j = context;                                                                                                                 \
        const apus_conv *c = j->conv;                                                                                                           \
        const apus_conv_shape *s = &j->shape;                                                                                                   \
        for (int64_t plane = begin; plane < end; plane++) {                                                                                     \
            int64_t o = plane % c->out_channels, sample = plane / c->out_channels, at[3], k[3];                                                  \
            const T *in = (const T *)j->in + (sample * c->in_channels + o / s->group_out * s->group_in) * s->in_plane;                            \
            const T *weight = (const T *)j->weight + o * s->rows;                                                                                \
            T *out = (T *)j->out + plane * s->out_plane;                                                                                         \
            for (at[0] = 0; at[0] < c->out_size[0]; at[0]++)                                                                                     \
                for (at[1] = 0; at[1] < c->out_size[1]; at[1]++)                                                                                 \
                    for (at[2] = 0; at[2] < c->out_size[2]; at[2]++) {                                                                           \
                        U sum = j->bias ? (U)((const T *)j->bias)[o] : 0;                                                                        \
                        const T *w = weight;                                                                                                    \
                        for (int64_t channel = 0; channel < s->group_in; channel++)                                                              \
                            for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)                                                                          \
                                for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)                                                                      \
                                    for (k[2] = 0; k[2] < c->kernel[2]; k[2]++, w++) {                                                           \
                                        int64_t z = source(c, 0, at[0], k[0]), y = source(c, 1, at[1], k[1]), x = source(c, 2, at[2], k[2]);      \
                                        if (z < 0 || z >= c->in_size[0] || y < 0 || y >= c->in_size[1] || x < 0 || x >= c->in_size[2]) continue;   \
                                        sum += (U)*w * (U)in[channel * s->in_plane + (z * c->in_size[1] + y) * c->in_size[2] + x];                \
                                    }                                                                                                           \
                        *out++ = (T)sum;                                                                                                        \
                    }                                                                                                                           \
        }                                                                                                                                       \
    }                                                                                                                                           \
    /* Input planes `begin` ..< `end`: each output position spreads over its window. */                                                         \
    static void backward_##SFX(void *context, int64_t begin, int64_t end) {                                                                     \
        const job *j = context;                                                                                                                 \
        const apus_conv *c = j->conv;                                                                                                           \
        const apus_conv_shape *s = &j->shape;                                                                                                   \
        for (int64_t plane = begin; plane < end; plane++) {                                                                                     \
            int64_t channel = plane % c->in_channels, sample = plane / c->in_channels, group = channel / s->group_in, at[3], k[3];               \
            T *out = (T *)j->out + plane * s->in_plane;                                                                                          \
            memset(out, 0, (size_t)s->in_plane * sizeof(T));                                                                                     \
            for (int64_t o = group * s->group_out; o < (group + 1) * s->group_out; o++) {                                                        \
                const T *grad = (const T *)j->in + (sample * c->out_channels + o) * s->out_plane;                                                \
                const T *weight = (const T *)j->weight + o * s->rows + channel % s->group_in * s->window;                                        \
                for (at[0] = 0; at[0] < c->out_size[0]; at[0]++)                                                                                 \
                    for (at[1] = 0; at[1] < c->out_size[1]; at[1]++)                                                                             \
                        for (at[2] = 0; at[2] < c->out_size[2]; at[2]++, grad++) {                                                               \
                            const T *w = weight;                                                                                                \
                            for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)                                                                          \
                                for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)                                                                      \
                                    for (k[2] = 0; k[2] < c->kernel[2]; k[2]++, w++) {                                                           \
                                        int64_t z = source(c, 0, at[0], k[0]), y = source(c, 1, at[1], k[1]), x = source(c, 2, at[2], k[2]);      \
                                        if (z < 0 || z >= c->in_size[0] || y < 0 || y >= c->in_size[1] || x < 0 || x >= c->in_size[2]) continue;   \
                                        T *to = out + (z * c->in_size[1] + y) * c->in_size[2] + x;                                               \
                                        *to = (T)((U)*to + (U)*w * (U)*grad);                                                                    \
                                    }                                                                                                           \
                        }                                                                                                                       \
            }                                                                                                                                   \
        }                                                                                                                                       \
    }
CONVOLUTION(8, uint8_t, uint32_t)
CONVOLUTION(16, uint16_t, uint32_t)
CONVOLUTION(32, uint32_t, uint32_t)
CONVOLUTION(64, uint64_t, uint64_t)

static int run(job *j, int32_t dtype, int64_t planes, void (*const ranges[4])(void *, int64_t, int64_t)) {
    int64_t item = apus_dtype_size(dtype);
    int width = item == 1 ? 0 : item == 2 ? 1 : item == 4 ? 2 : 3;
    if (planes > 0) apus_parallel_for(planes, 32768 / APUS_MAX(1, j->shape.out_plane * APUS_MAX(j->shape.window, 1)) + 1, ranges[width], j);
    return APUS_OK;
}

int apus_conv_integers(const apus_conv *conv, const apus_conv_shape *shape, int32_t dtype, const void *in, const void *weight, const void *bias, void *out) {
    static void (*const ranges[4])(void *, int64_t, int64_t) = {forward_8, forward_16, forward_32, forward_64};
    job j = {.conv = conv, .shape = *shape, .in = in, .weight = weight, .bias = bias, .out = out};
    return shape->out_plane == 0 ? APUS_OK : run(&j, dtype, conv->batch * conv->out_channels, ranges);
}

int apus_conv_integers_backward(const apus_conv *conv, const apus_conv_shape *shape, int32_t dtype, const void *grad, const void *weight, void *grad_in) {
    static void (*const ranges[4])(void *, int64_t, int64_t) = {backward_8, backward_16, backward_32, backward_64};
    job j = {.conv = conv, .shape = *shape, .in = grad, .weight = weight, .out = grad_in};
    return shape->in_plane == 0 ? APUS_OK : run(&j, dtype, conv->batch * conv->in_channels, ranges);
}
