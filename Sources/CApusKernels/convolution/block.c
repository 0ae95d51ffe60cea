/// Padded blocks of planes.
#include "block.h"
#include <stdatomic.h>

/// Fetched at once: as much as leaves room in the second-level cache.
enum { FETCHED_FLOATS = 1 << 18 };

// Clones cannot have it.
#define NO_CALLS __attribute__((no_builtin("memset", "memcpy", "memmove")))

/// A row of a padded block: `low` zeros, elements `stride` apart from `from` on, the rest of `count` zeros. Rows are often short: loops, not calls.
NO_CALLS APUS_INLINE void copy_row(const float *from, int64_t stride, int64_t low, int64_t high, int64_t count, float *to) {
    for (int64_t i = 0; i < low; i++) to[i] = 0;
    if (stride == 1) {
        APUS_SIMD for (int64_t i = low; i < high; i++) to[i] = from[i];
    } else if (stride == 2) {
        APUS_SIMD for (int64_t i = low; i < high; i++) to[i] = from[2 * i];
    } else {
        for (int64_t i = low; i < high; i++) to[i] = from[i * stride];
    }
    for (int64_t i = high; i < count; i++) to[i] = 0;
}

NO_CALLS APUS_INLINE void fill(const apus_conv_block *b, const float *plane, int64_t first, float *to) {
    const apus_conv *c = b->conv;
    int64_t phase[3], at[3], origin[3], count = b->size[2], stride = c->stride[2];
    for (int d = 0; d < 3; d++) origin[d] = (d == b->unit ? first * c->stride[d] : 0) - c->padding[d];
    for (phase[0] = 0; phase[0] < b->phases[0]; phase[0]++)
        for (phase[1] = 0; phase[1] < b->phases[1]; phase[1]++)
            for (phase[2] = 0; phase[2] < b->phases[2]; phase[2]++) {
                int64_t x = origin[2] + phase[2], low = x >= 0 ? 0 : APUS_MIN(count, (-x - 1) / stride + 1);
                int64_t high = x >= c->in_size[2] ? low : APUS_MAX(low, APUS_MIN(count, (c->in_size[2] - 1 - x) / stride + 1));
                for (at[0] = 0; at[0] < b->size[0]; at[0]++)
                    for (at[1] = 0; at[1] < b->size[1]; at[1]++, to += count) {
                        int64_t z = origin[0] + at[0] * c->stride[0] + phase[0], y = origin[1] + at[1] * c->stride[1] + phase[1];
                        bool inside = z >= 0 && z < c->in_size[0] && y >= 0 && y < c->in_size[1];
                        copy_row(plane + (inside ? (z * c->in_size[1] + y) * c->in_size[2] + x : 0), stride, inside ? low : count, inside ? high : count, count, to);
                    }
            }
}

#define FILL(NAME) NO_CALLS static void NAME(const apus_conv_block *b, const float *plane, int64_t first, float *to) { fill(b, plane, first, to); }
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) FILL(fill_v4)
__attribute__((target("arch=x86-64-v3"))) FILL(fill_v3)
#endif
FILL(fill_base)

void apus_conv_fill_block(const apus_conv_block *b, const float *plane, int64_t first, float *to) {
#if defined(__x86_64__)
    static _Atomic int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level < 0) {
        level = strcmp(apus_cpu_level(), "avx512") == 0 ? 2 : strcmp(apus_cpu_level(), "avx2") == 0 ? 1 : 0;
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    if (level == 2) fill_v4(b, plane, first, to);
    else if (level == 1) fill_v3(b, plane, first, to);
    else fill_base(b, plane, first, to);
#else
    fill_base(b, plane, first, to);
#endif
}

bool apus_conv_set_block(apus_conv_block *b, int64_t units, int64_t channels) {
    const apus_conv *c = b->conv;
    int64_t floats;
    bool overflows = false;
    for (int d = 0; d < 3; d++) {
        int64_t reach = (c->kernel[d] - 1) * c->dilation[d];
        b->size[d] = (d == b->unit ? units : c->out_size[d]) + reach / c->stride[d];
        b->phases[d] = APUS_MIN(c->stride[d], reach + 1);
    }
    overflows |= __builtin_mul_overflow(b->size[0], b->size[1], &b->phase[2]);
    overflows |= __builtin_mul_overflow(b->phase[2], b->size[2], &b->phase[2]);
    overflows |= __builtin_mul_overflow(b->phase[2], b->phases[2], &b->phase[1]);
    overflows |= __builtin_mul_overflow(b->phase[1], b->phases[1], &b->phase[0]);
    overflows |= __builtin_mul_overflow(b->phase[0], b->phases[0], &b->channel);
    overflows |= __builtin_mul_overflow(b->channel, channels, &floats);
    b->units = units;
    return !overflows && floats <= INT64_MAX / 4 - APUS_CONV_SLACK;
}

void apus_conv_set_offsets(const apus_conv_block *b, int64_t channels, int64_t *to) {
    const apus_conv *c = b->conv;
    int64_t window = 0, k[3];
    if (channels == 0) return;
    for (k[0] = 0; k[0] < c->kernel[0]; k[0]++)
        for (k[1] = 0; k[1] < c->kernel[1]; k[1]++)
            for (k[2] = 0; k[2] < c->kernel[2]; k[2]++) {
                int64_t offset = 0, step = 1;
                for (int d = 2; d >= 0; d--) {
                    int64_t tap = k[d] * c->dilation[d];
                    offset += tap % c->stride[d] * b->phase[d] + tap / c->stride[d] * step;
                    step *= b->size[d];
                }
                to[window++] = offset;
            }
    for (int64_t i = window; i < channels * window; i++) to[i] = to[i - window] + b->channel;
}

void apus_conv_fetch(const float *from, int64_t rows, int64_t step, int64_t count) {
    if (rows * count > FETCHED_FLOATS) return;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t e = 0; e < count; e += 16) __builtin_prefetch(from + i * step + e);
}
