/// im2col and back.
#include "convolution.h"

/// Output columns x for which 0 <= x * stride + offset < size, within from ..< to.
static void valid_range(int64_t offset, int64_t stride, int64_t size, int64_t from, int64_t to, int64_t *low, int64_t *high) {
    int64_t l = offset >= 0 ? 0 : (-offset - 1) / stride + 1;
    int64_t h = offset >= size ? 0 : (size - 1 - offset) / stride + 1;
    if (offset < 0 && size - 1 - offset < 0) h = 0;
    *low = APUS_MAX(from, APUS_MIN(l, to));
    *high = APUS_MAX(*low, APUS_MIN(h, to));
}

#define STRIDED_COPY(TYPE)                                                                                                                     \
    for (int64_t x = low; x < high; x++) ((TYPE *)to)[x - from] = ((const TYPE *)line)[x * stride + offset];

/// One kernel position's row of the unrolled matrix for one channel.
static void unroll_row(const apus_conv *c, int64_t item, const char *plane, const int64_t k[3], int64_t first, int64_t count, char *to) {
    int64_t width = c->out_size[2], stride = c->stride[2], offset = k[2] * c->dilation[2] - c->padding[2];
    int64_t x = first % width, y = first / width % c->out_size[1], z = first / width / c->out_size[1];
    while (count > 0) {
        int64_t from = x, until = APUS_MIN(width, x + count), n = until - from;
        int64_t iz = z * c->stride[0] - c->padding[0] + k[0] * c->dilation[0], iy = y * c->stride[1] - c->padding[1] + k[1] * c->dilation[1];
        if (iz < 0 || iz >= c->in_size[0] || iy < 0 || iy >= c->in_size[1]) {
            memset(to, 0, (size_t)(n * item));
        } else {
            int64_t low, high;
            valid_range(offset, stride, c->in_size[2], from, until, &low, &high);
            const char *line = plane + (iz * c->in_size[1] + iy) * c->in_size[2] * item;
            memset(to, 0, (size_t)((low - from) * item));
            if (stride == 1) memcpy(to + (low - from) * item, line + (low + offset) * item, (size_t)((high - low) * item));
            else if (item == 4) STRIDED_COPY(uint32_t)
            else STRIDED_COPY(uint64_t)
            memset(to + (high - from) * item, 0, (size_t)((until - high) * item));
        }
        to += n * item;
        count -= n;
        x = 0;
        if (++y == c->out_size[1]) {
            y = 0;
            z++;
        }
    }
}

void apus_conv_unroll(const apus_conv *c, int64_t item, const char *plane, int64_t channels, int64_t first, int64_t count, char *columns) {
    int64_t in_plane = c->in_size[0] * c->in_size[1] * c->in_size[2], k[3];
    for (int64_t channel = 0; channel < channels; channel++)
        for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)
            for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)
                for (k[2] = 0; k[2] < c->kernel[2]; k[2]++) {
                    unroll_row(c, item, plane + channel * in_plane * item, k, first, count, columns);
                    columns += count * item;
                }
}

#define ROLL(NAME, T)                                                                                                                          \
    APUS_CLONES static void NAME##_line(const T *from, T *line, int64_t low, int64_t high, int64_t stride, int64_t offset) {                      \
        if (stride == 1) {                                                                                                                      \
            T *to = line + offset;                                                                                                              \
            APUS_SIMD for (int64_t x = low; x < high; x++) to[x] += from[x];                                                                     \
        } else {                                                                                                                                \
            for (int64_t x = low; x < high; x++) line[x * stride + offset] += from[x];                                                           \
        }                                                                                                                                       \
    }                                                                                                                                           \
    void NAME(const apus_conv *c, const T *columns, int64_t channels, T *planes) {                                                               \
        int64_t in_plane = c->in_size[0] * c->in_size[1] * c->in_size[2], k[3];                                                                  \
        for (int64_t channel = 0; channel < channels; channel++)                                                                                 \
            for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)                                                                                          \
                for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)                                                                                      \
                    for (k[2] = 0; k[2] < c->kernel[2]; k[2]++)                                                                                  \
                        for (int64_t z = 0; z < c->out_size[0]; z++)                                                                             \
                            for (int64_t y = 0; y < c->out_size[1]; y++, columns += c->out_size[2]) {                                             \
                                int64_t iz = z * c->stride[0] - c->padding[0] + k[0] * c->dilation[0];                                            \
                                int64_t iy = y * c->stride[1] - c->padding[1] + k[1] * c->dilation[1];                                            \
                                if (iz < 0 || iz >= c->in_size[0] || iy < 0 || iy >= c->in_size[1]) continue;                                      \
                                int64_t low, high, offset = k[2] * c->dilation[2] - c->padding[2];                                                 \
                                valid_range(offset, c->stride[2], c->in_size[2], 0, c->out_size[2], &low, &high);                                 \
                                T *line = planes + channel * in_plane + (iz * c->in_size[1] + iy) * c->in_size[2];                                \
                                NAME##_line(columns, line, low, high, c->stride[2], offset);                                                      \
                            }                                                                                                                   \
    }
ROLL(apus_conv_roll_f32, float)
ROLL(apus_conv_roll_f64, double)

/// The innermost taps of three neighbours in one pass over a line, where all three lie inside.
#define THREE_TAPS(NAME, T)                                                                                                                    \
    APUS_INLINE void NAME(T *out, const T *line, const T *w, int64_t low, int64_t high, int64_t offset) {                                  \
        const T *from = line + offset;                                                                                                          \
        T a = w[0], b = w[1], c = w[2];                                                                                                         \
        APUS_SIMD for (int64_t x = low; x < high; x++) out[x] += a * from[x] + b * from[x + 1] + c * from[x + 2];                                 \
    }
THREE_TAPS(three_taps_f64, double)

// Depthwise: each output plane gathers shifted, scaled lines of its one input plane.
#define DEPTHWISE(NAME, T)                                                                                                                     \
    APUS_INLINE void NAME##_line(T *out, const T *line, T w, int64_t low, int64_t high, int64_t stride, int64_t offset) {                  \
        if (stride == 1) {                                                                                                                      \
            const T *from = line + offset;                                                                                                      \
            APUS_SIMD for (int64_t x = low; x < high; x++) out[x] += w * from[x];                                                                \
        } else if (stride == 2) {                                                                                                               \
            APUS_SIMD for (int64_t x = low; x < high; x++) out[x] += w * line[x * 2 + offset];                                                   \
        } else {                                                                                                                                \
            for (int64_t x = low; x < high; x++) out[x] += w * line[x * stride + offset];                                                        \
        }                                                                                                                                       \
    }                                                                                                                                           \
    APUS_CLONES static void NAME##_planes(const apus_conv *c, const T *in, const T *weight, const T *bias, T *out, int64_t begin, int64_t end) {                             \
        int64_t in_plane = c->in_size[0] * c->in_size[1] * c->in_size[2], width = c->out_size[2], repeat = c->out_channels / c->groups;           \
        int64_t window = c->kernel[0] * c->kernel[1] * c->kernel[2], k[3];                                                                       \
        for (int64_t p = begin; p < end; p++) {                                                                                                 \
            int64_t channel = p % c->out_channels, sample = p / c->out_channels;                                                                 \
            const T *plane = in + (sample * c->in_channels + channel / repeat) * in_plane, *w = weight + channel * window;                        \
            T *line = out + p * c->out_size[0] * c->out_size[1] * width, start = bias ? bias[channel] : 0;                                        \
            for (int64_t z = 0; z < c->out_size[0]; z++)                                                                                         \
                for (int64_t y = 0; y < c->out_size[1]; y++, line += width) {                                                                    \
                    for (int64_t x = 0; x < width; x++) line[x] = start;                                                                         \
                    for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)                                                                                  \
                        for (k[1] = 0; k[1] < c->kernel[1]; k[1]++) {                                                                            \
                            int64_t iz = z * c->stride[0] - c->padding[0] + k[0] * c->dilation[0];                                                \
                            int64_t iy = y * c->stride[1] - c->padding[1] + k[1] * c->dilation[1];                                                \
                            if (iz < 0 || iz >= c->in_size[0] || iy < 0 || iy >= c->in_size[1]) continue;                                          \
                            const T *row = plane + (iz * c->in_size[1] + iy) * c->in_size[2], *taps = w + (k[0] * c->kernel[1] + k[1]) * c->kernel[2]; \
                            int64_t low, high, inner_low = width, inner_high = width;                                                           \
                            if (c->kernel[2] == 3 && c->stride[2] == 1 && c->dilation[2] == 1) {                                                  \
                                int64_t first = -c->padding[2];                                                                                 \
                                inner_low = APUS_MIN(width, APUS_MAX(0, -first));                                                                \
                                inner_high = APUS_MAX(inner_low, APUS_MIN(width, c->in_size[2] - 2 - first));                                     \
                                three_taps_f64(line, row, taps, inner_low, inner_high, first);                                                           \
                            }                                                                                                                   \
                            for (k[2] = 0; k[2] < c->kernel[2]; k[2]++) {                                                                        \
                                int64_t offset = k[2] * c->dilation[2] - c->padding[2];                                                          \
                                valid_range(offset, c->stride[2], c->in_size[2], 0, width, &low, &high);                                          \
                                NAME##_line(line, row, taps[k[2]], low, APUS_MIN(high, inner_low), c->stride[2], offset);                         \
                                NAME##_line(line, row, taps[k[2]], APUS_MAX(low, inner_high), high, c->stride[2], offset);                         \
                            }                                                                                                                   \
                        }                                                                                                                       \
                }                                                                                                                               \
        }                                                                                                                                       \
    }                                                                                                                                           \
    void NAME(const apus_conv *c, const T *in, const T *weight, const T *bias, T *out, int64_t begin, int64_t end) {                             \
        NAME##_planes(c, in, weight, bias, out, begin, end);                                                                                    \
    }
DEPTHWISE(apus_conv_depthwise_f64, double)
