/// Depthwise convolutions in registers of sixteen lanes. A strip of sixteen columns is read once, where it lies, from top to bottom: neighbours come from a register
/// by moving its lanes, and each row adds to all rows of results that see it. Two strips at a time, since the sums of one would wait for each other; narrow planes
/// share a register.
#include "depthwise.h"

#if defined(__x86_64__)
#include <immintrin.h>

/// Rows of results to a task are as many as keep its part of a plane in the first-level cache.
enum { TASK_WORK = 65536, PART_FLOATS = 8192 };

typedef float line16 __attribute__((vector_size(64), aligned(4)));

/// Two strips, or four of at most eight columns; a strip's first row is the first that a result sees, inside of the plane or not.
typedef struct {
    const float *in[4], *weight[4];
    float start[4], *out[4];
    uint32_t inside[4]; // of a strip's thirty-two columns
    uint32_t kept[4];   // of its results
    int64_t first, height, rows;
    int64_t in_row, out_row;
} strips;

#define UNROLLED APUS_PRAGMA(clang loop unroll(full))

/// Number stride * i + x of a pair of lines; of the first one for eight lanes, and of the second one for eight.
#define WIDE(i, s, x) ((s) * (i) + (x) < 32 ? (s) * (i) + (x) : 31)
#define NARROW(i, s, x) ((i) < 8 ? ((s) * (i) + (x)) % 16 : 16 + ((s) * ((i) - 8) + (x)) % 16)
#define MOVE(LANE, p, s, x)                                                                                                                     \
    __builtin_shufflevector(p[0], p[1], LANE(0, s, x), LANE(1, s, x), LANE(2, s, x), LANE(3, s, x), LANE(4, s, x), LANE(5, s, x), LANE(6, s, x), LANE(7, s, x),      \
                            LANE(8, s, x), LANE(9, s, x), LANE(10, s, x), LANE(11, s, x), LANE(12, s, x), LANE(13, s, x), LANE(14, s, x), LANE(15, s, x))
#define MOVED(LANE, p, s)                                                                                                                       \
    switch (x) {                                                                                                                                \
    case 0: return MOVE(LANE, p, s, 0);                                                                                                         \
    case 1: return MOVE(LANE, p, s, 1);                                                                                                         \
    case 2: return MOVE(LANE, p, s, 2);                                                                                                         \
    case 3: return MOVE(LANE, p, s, 3);                                                                                                         \
    case 4: return MOVE(LANE, p, s, 4);                                                                                                         \
    case 5: return MOVE(LANE, p, s, 5);                                                                                                         \
    default: return MOVE(LANE, p, s, 6);                                                                                                        \
    }
#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define V4_INLINE V4_TARGET APUS_INLINE

/// What column `x` of the window meets.
V4_INLINE line16 moved(const line16 *pair, int stride, bool is_narrow, int x) {
    if (!is_narrow && stride == 1) MOVED(WIDE, pair, 1)
    if (!is_narrow) MOVED(WIDE, pair, 2)
    if (stride == 1) MOVED(NARROW, pair, 1)
    MOVED(NARROW, pair, 2)
}

/// Window, stride and lanes are known where this is inlined. Results whose windows have begun are in `sum`, the oldest first.
V4_INLINE void filter(int window, int stride, bool is_narrow, const strips *p) {
    const int begun = (window - 1) / stride + 1, each = is_narrow ? 2 : 1;
    line16 sum[2][7], start[2];
    _Alignas(64) line16 taps[2][49];
    const float *in[4];
    float *out[4];
    UNROLLED for (int e = 0; e < 2; e++) {
        start[e] = p->start[each * e] - (line16){0};
        if (is_narrow) {
            start[e] = _mm512_mask_blend_ps(0xFF00, start[e], _mm512_set1_ps(p->start[2 * e + 1]));
            for (int t = 0; t < window * window; t++) taps[e][t] = _mm512_mask_blend_ps(0xFF00, _mm512_set1_ps(p->weight[2 * e][t]), _mm512_set1_ps(p->weight[2 * e + 1][t]));
        }
        UNROLLED for (int i = 0; i < begun; i++) sum[e][i] = start[e];
    }
    UNROLLED for (int e = 0; e < 2 * each; e++) in[e] = p->in[e], out[e] = p->out[e];
    // They are operands in memory: compilers would copy all of them to the stack once more, as registers that do not suffice.
    const line16 *tap_lines = taps[0];
    __asm__("" : "+r"(tap_lines));
    int64_t y = p->first;
    APUS_PRAGMA(clang loop unroll(disable))
    for (int64_t row = 1 - begun; row < p->rows; row++) {
        UNROLLED for (int step = 0; step < stride; step++, y++) {
            if (y < 0 || y >= p->height) continue;
            UNROLLED for (int e = 0; e < 2; e++) {
                line16 pair[2];
                if (is_narrow) {
                    UNROLLED for (int i = 0; i < 2; i++) pair[i] = _mm512_maskz_loadu_ps((__mmask16)p->inside[2 * e + i], in[2 * e + i]);
                } else {
                    UNROLLED for (int i = 0; i < 2; i++) pair[i] = _mm512_maskz_loadu_ps((__mmask16)(p->inside[e] >> (16 * i)), in[e] + 16 * i);
                }
                UNROLLED for (int i = 0; i < each; i++) in[each * e + i] += p->in_row;
                UNROLLED for (int x = 0; x < window; x++) {
                    line16 v = moved(pair, stride, is_narrow, x);
                    // Beyond sixteen columns a narrow row has zeros.
                    if (is_narrow && stride == 2 && x > 1) v = _mm512_maskz_mov_ps((__mmask16)(0x101 * ((1 << (8 - x / 2)) - 1)), v);
                    UNROLLED for (int i = 0; i < begun; i++) {
                        int tap = (begun - 1 - i) * stride + step;
                        if (tap >= window) continue;
                        if (is_narrow) sum[e][i] = sum[e][i] + v * tap_lines[e * 49 + tap * window + x];
                        else sum[e][i] = sum[e][i] + v * p->weight[e][tap * window + x];
                    }
                }
            }
        }
        UNROLLED for (int e = 0; e < 2; e++) {
            if (row >= 0) {
                _mm512_mask_storeu_ps(out[each * e], (__mmask16)p->kept[each * e], sum[e][0]);
                if (is_narrow) _mm512_mask_storeu_ps(out[2 * e + 1] - 8, (__mmask16)(p->kept[2 * e + 1] << 8), sum[e][0]);
                UNROLLED for (int i = 0; i < each; i++) out[each * e + i] += p->out_row;
            }
            UNROLLED for (int i = 0; i + 1 < begun; i++) sum[e][i] = sum[e][i + 1];
            sum[e][begun - 1] = start[e];
        }
    }
}

#define KERNELS(WINDOW, STRIDE)                                                                                                                 \
    V4_TARGET static void narrow_##WINDOW##_##STRIDE(const strips *p) { filter(WINDOW, STRIDE, true, p); }                                       \
    V4_TARGET static void wide_##WINDOW##_##STRIDE(const strips *p) { filter(WINDOW, STRIDE, false, p); }
KERNELS(3, 1)
KERNELS(3, 2)
KERNELS(5, 1)
KERNELS(5, 2)
KERNELS(7, 1)
KERNELS(7, 2)

/// By window (3, 5, 7), stride, and whether strips are narrow.
static void (*const kernels[3][2][2])(const strips *) = {
    {{wide_3_1, narrow_3_1}, {wide_3_2, narrow_3_2}}, {{wide_5_1, narrow_5_1}, {wide_5_2, narrow_5_2}}, {{wide_7_1, narrow_7_1}, {wide_7_2, narrow_7_2}}};

typedef struct {
    const apus_conv *conv;
    const apus_conv_shape *shape;
    const float *in, *weight, *bias;
    float *out;
    apus_epilogue after;
    void *context;
    void (*kernel)(const strips *);
    int together;                   // strips that a kernel takes
    int64_t part, parts;            // rows of results to a part of a plane, and parts
    int64_t columns, strips;        // results of a strip's row, strips of a plane
} job;

/// Strip `s` of output plane `o`, as the kernel's `e`-th.
static void set_strip(const job *j, int64_t o, int64_t s, int64_t first, int e, strips *p) {
    const apus_conv *c = j->conv;
    int64_t multiple = j->shape->group_out, channel = o % c->out_channels, column = s * j->columns, count = APUS_MIN(j->columns, c->out_size[2] - column);
    int64_t x = column * c->stride[2] - c->padding[2], low = APUS_MAX(0, -x), high = APUS_MAX(low, APUS_MIN(32, c->in_size[2] - x));
    int64_t y = APUS_MAX(0, first * c->stride[1] - c->padding[1]);
    p->in[e] = j->in + (multiple == 1 ? o : o / multiple) * j->shape->in_plane + y * c->in_size[2] + x;
    p->weight[e] = j->weight + channel * j->shape->window;
    p->start[e] = j->bias ? j->bias[channel] : 0;
    p->out[e] = j->out + o * j->shape->out_plane + first * c->out_size[2] + column;
    p->inside[e] = low < 32 ? (uint32_t)(((1ull << high) - 1) >> low << low) : 0;
    p->kept[e] = (1u << count) - 1;
}

static void range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_conv *c = j->conv;
    int64_t multiple = j->shape->group_out, plane = begin / j->parts, part = begin % j->parts;
    strips p = {.height = c->in_size[1], .in_row = c->in_size[2], .out_row = c->out_size[2]};
    for (int64_t i = begin, taken; i < end; i += taken) {
        // Whole planes one after the other, or a part of one.
        taken = j->parts == 1 ? end - i : 1;
        int64_t first = part * j->part, o = plane * multiple, outputs = taken * multiple, s = 0;
        p.rows = APUS_MIN(j->part, c->out_size[1] - first);
        p.first = first * c->stride[1] - c->padding[1];
        for (int64_t left = outputs * j->strips; left > 0; left -= j->together) {
            for (int e = 0; e < j->together; e++) {
                set_strip(j, o, s, first, e, &p);
                // Where some are missing, the last one is done again.
                if (e + 1 < left && ++s == j->strips) s = 0, o++;
            }
            j->kernel(&p);
        }
        if (j->after) j->after(j->context, plane * multiple, outputs, first * c->out_size[2], p.rows * c->out_size[2]);
        if (++part == j->parts) part = 0, plane++;
    }
}

bool apus_conv_suits_strips(const apus_conv *c) {
    // Few products to a number of a long row are bound by how it is read.
    return strcmp(apus_cpu_level(), "avx512") == 0 && (c->kernel[1] > 3 || c->stride[1] > 1 || c->out_size[2] <= 64);
}

int apus_conv_strips(const apus_conv *c, const apus_conv_shape *s, const float *in, const float *weight, const float *bias, apus_epilogue after, void *context, float *out) {
    int64_t width = c->out_size[2], stride = c->stride[2], most = stride == 1 ? 16 : (32 - c->kernel[2]) / 2 + 1;
    bool is_narrow = width <= 8 && c->padding[2] + c->in_size[2] <= 16;
    job j = {c, s, in, weight, bias, out, after, context, kernels[(c->kernel[1] - 3) / 2][stride - 1][is_narrow], is_narrow ? 4 : 2};
    j.strips = (width - 1) / most + 1;
    j.columns = (width - 1) / j.strips + 1;
    j.part = APUS_MIN(c->out_size[1], APUS_MAX(4 * c->kernel[1], PART_FLOATS / (APUS_MAX(c->in_size[2], width) * stride)));
    j.parts = (c->out_size[1] - 1) / j.part + 1;
    apus_parallel_for(c->batch * c->groups * j.parts, TASK_WORK / (j.part * width * s->window * s->group_out) + 1, range, &j);
    return APUS_OK;
}
#else
bool apus_conv_suits_strips(const apus_conv *c) {
    (void)c;
    return false;
}
int apus_conv_strips(const apus_conv *c, const apus_conv_shape *s, const float *in, const float *weight, const float *bias, apus_epilogue after, void *context, float *out) {
    (void)c, (void)s, (void)in, (void)weight, (void)bias, (void)after, (void)context, (void)out;
    return APUS_UNSUPPORTED;
}
#endif
