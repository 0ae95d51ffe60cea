/// The gradient by the input in float32 as convolutions of the gradient with the filters turned around, channels exchanged. With a stride, positions of the input
/// that are a stride apart see the same taps, each a stride apart: they are the results of a convolution of stride 1 with these taps alone.
#include "turned.h"

/// Positions of one residue by the stride, in one dimension: of the input from `first` on, and how the convolution gives them.
typedef struct {
    int64_t first, count, tap, taps; // `taps` are a stride apart, from `tap` on
    int64_t padding, skipped, size;  // size of the result, whose first position is the `skipped`-th
} residue;

static residue residue_of(const apus_conv *c, int d, int64_t tap) {
    int64_t stride = c->stride[d], padding = c->padding[d], kernel = (c->kernel[d] - 1) * c->dilation[d] + 1;
    // Position i is seen through tap k from the result's position (i + padding - k) / stride.
    residue r = {.tap = tap, .first = ((tap - padding) % stride + stride) % stride};
    r.count = c->in_size[d] > r.first ? (c->in_size[d] - 1 - r.first) / stride + 1 : 0;
    r.taps = kernel > tap ? (kernel - 1 - tap) / stride + 1 : 0;
    int64_t at = (r.first + padding - tap) / stride, before = r.taps - 1 - at, behind = at + r.count - c->out_size[d];
    r.padding = APUS_MAX(0, APUS_MAX(before, behind));
    r.skipped = r.padding - before;
    r.size = c->out_size[d] + 2 * r.padding - r.taps + 1;
    return r;
}

bool apus_conv_suits_turned(const apus_conv *c, const apus_conv_shape *s) {
    bool fills_panels = s->group_in >= 8 || (s->group_in == 1 && s->group_out == 1), is_strided = false;
    if (s->pointwise || !fills_panels || c->batch * s->in_plane < APUS_CONV_LEAST_POSITIONS) return false;
    for (int d = 0; d < 3; d++) {
        if (c->padding[d] > (c->kernel[d] - 1) * c->dilation[d]) return false;
        is_strided |= c->stride[d] > 1;
    }
    // Packing parts of the filters anew pays where there is no product of matrices to be had.
    for (int d = 0; is_strided && d < 3; d++)
        if (!s->depthwise || c->dilation[d] > 1 || c->stride[d] > 4) return false;
    return true;
}

typedef struct {
    const apus_conv *conv, *part;
    const residue *at;
    const float *from;
    float *to;
} spreading;

/// Puts a part's results to their places.
static void spread_range(void *context, int64_t begin, int64_t end) {
    const spreading *s = context;
    const apus_conv *c = s->conv;
    const int64_t *size = s->part->out_size;
    for (int64_t plane = begin; plane < end; plane++)
        for (int64_t z = 0; z < s->at[0].count; z++)
            for (int64_t y = 0; y < s->at[1].count; y++) {
                const float *from = s->from + ((plane * size[0] + z + s->at[0].skipped) * size[1] + y + s->at[1].skipped) * size[2] + s->at[2].skipped;
                int64_t row = (plane * c->in_size[0] + s->at[0].first + z * c->stride[0]) * c->in_size[1] + s->at[1].first + y * c->stride[1], step = c->stride[2];
                float *to = s->to + row * c->in_size[2] + s->at[2].first;
                if (step == 2) {
                    for (int64_t x = 0; x < s->at[2].count; x++) to[2 * x] = from[x];
                } else {
                    for (int64_t x = 0; x < s->at[2].count; x++) to[x * step] = from[x];
                }
            }
}

/// The filters' taps of a residue, turned around, with channels exchanged.
static void turn(const apus_conv *c, const apus_conv_shape *s, const residue *at, const float *weight, float *to) {
    int64_t window = at[0].taps * at[1].taps * at[2].taps, k[3];
    for (int64_t group = 0; group < c->groups; group++)
        for (int64_t o = 0; o < s->group_out; o++)
            for (int64_t i = 0; i < s->group_in; i++) {
                const float *from = weight + ((group * s->group_out + o) * s->group_in + i) * s->window;
                float *tap = to + ((group * s->group_in + i) * s->group_out + o) * window;
                for (k[0] = at[0].taps - 1; k[0] >= 0; k[0]--)
                    for (k[1] = at[1].taps - 1; k[1] >= 0; k[1]--)
                        for (k[2] = at[2].taps - 1; k[2] >= 0; k[2]--) {
                            int64_t place = 0;
                            for (int d = 0; d < 3; d++) place = place * c->kernel[d] + at[d].tap + k[d] * c->stride[d];
                            *tap++ = from[place];
                        }
            }
}

/// Taps are numbered by the dilation where there is one: then the stride is 1.
static int run_part(const apus_conv *c, const apus_conv_shape *s, const residue *at, const float *grad, const float *weight, float *grad_in) {
    apus_conv part = *c;
    bool is_whole = true;
    int64_t planes = c->batch * c->in_channels, window = 1, results = planes;
    part.in_channels = c->out_channels;
    part.out_channels = c->in_channels;
    residue taps[3];
    for (int d = 0; d < 3; d++) {
        taps[d] = at[d];
        if (c->dilation[d] > 1) taps[d].taps = c->kernel[d];
        part.in_size[d] = c->out_size[d];
        part.out_size[d] = at[d].size;
        part.padding[d] = at[d].padding;
        part.kernel[d] = taps[d].taps;
        part.stride[d] = 1;
        window *= part.kernel[d];
        is_whole &= c->stride[d] == 1 && at[d].skipped == 0 && at[d].size >= c->in_size[d];
    }
    for (int d = 0; is_whole && d < 3; d++) part.out_size[d] = c->in_size[d];
    for (int d = 0; d < 3; d++) results *= part.out_size[d];
    float *turned = apus_allocate(c->out_channels * s->group_in * window * 4), *out = is_whole ? grad_in : apus_allocate(results * 4);
    int status = APUS_OUT_OF_MEMORY;
    if (turned && out) {
        turn(c, s, taps, weight, turned);
        status = apus_conv_forward(&part, APUS_FLOAT32, grad, turned, NULL, out);
        spreading spread = {c, &part, at, out, grad_in};
        if (!is_whole && status == APUS_OK) apus_parallel_for(planes, 16384 / (at[0].count * at[1].count * at[2].count + 1) + 1, spread_range, &spread);
    }
    apus_free(turned);
    if (!is_whole) apus_free(out);
    return status;
}

int apus_conv_turned(const apus_conv *c, const apus_conv_shape *s, const float *grad, const float *weight, float *grad_in) {
    residue at[3];
    int64_t tap[3];
    int status = APUS_OK;
    bool has_gaps = false;
    for (int d = 0; d < 3; d++) has_gaps |= c->stride[d] > (c->kernel[d] - 1) * c->dilation[d] + 1;
    if (has_gaps) memset(grad_in, 0, (size_t)(c->batch * c->in_channels * s->in_plane) * 4);
    for (tap[0] = 0; tap[0] < c->stride[0]; tap[0]++)
        for (tap[1] = 0; tap[1] < c->stride[1]; tap[1]++)
            for (tap[2] = 0; tap[2] < c->stride[2]; tap[2]++) {
                bool is_empty = false;
                for (int d = 0; d < 3; d++) {
                    at[d] = residue_of(c, d, tap[d]);
                    is_empty |= at[d].count == 0 || at[d].taps == 0;
                }
                if (!is_empty && status == APUS_OK) status = run_part(c, s, at, grad, weight, grad_in);
            }
    return status;
}
