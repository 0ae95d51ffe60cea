/// Convolutions with output channels in lanes: each number of the input meets those of a line of channels. Positions may lie apart and rows may be short, where vectors
/// of positions would have gaps. The input is read where it lies, or from copies of planes with their padding.
#include "runs.h"
#include "block.h"
#include "run.h"
#include "tile.h"
#include <stdatomic.h>

enum {
    DEPTH = 256,             // products summed up before their sum is added to the result, as in `apus_conv_run_tile`
    POSITIONS = 112,         // to a task at least, where there are as many: their sums stay in the first-level cache
    MOST_POSITIONS = 224,    // that are read as one row
    COPY_FLOATS = 1 << 19,   // of padded planes at a time
    LEAST_DEPTH = 64,
    LANES = APUS_CONV_PANEL,
};

typedef struct {
    const apus_conv *conv;
    const apus_conv_shape *shape;
    const float *in, *packed, *bias;
    float *out;
    apus_epilogue after;
    void *context;
    apus_conv dense;      // the same with a stride of 1, over all that windows see
    apus_conv_block block;
    float *copies;        // null where the input is read in place
    const int64_t *offsets;
    int64_t first_place;  // samples times groups: the first one that is copied
    int64_t row, runs;    // positions of a row, runs that it is cut into
    int64_t rows, parts;  // rows to a task, tasks of a plane
    int64_t panels;       // of sixteen channels, of a group
    int64_t pairs;        // tasks of a group's channels
    _Atomic int status;
} job;

static void copy_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t i = begin; i < end; i++)
        apus_conv_fill_block(&j->block, j->in + (j->first_place * j->shape->group_in + i) * j->shape->in_plane, 0, j->copies + i * j->block.channel);
}

typedef float line16 __attribute__((vector_size(64), aligned(4)));


/// Sixteen positions of sixteen channels, from lines of APUS_CONV_WIDTH.
APUS_INLINE void transpose16(const float *from, line16 *to) {
    line16 r[16];
    // Quarters of four lines each: then four lines of four by four numbers are transposed at a time.
    for (int q = 0; q < 4; q++) {
        line16 s[4], t[4];
        for (int i = 0; i < 4; i++) {
            float line[16];
            for (int g = 0; g < 4; g++) memcpy(line + 4 * g, from + (4 * g + i) * APUS_CONV_WIDTH + 4 * q, 16);
            memcpy(&s[i], line, sizeof line);
        }
        t[0] = APUS_CONV_ONES_LOW(s[0], s[1]), t[1] = APUS_CONV_ONES_HIGH(s[0], s[1]), t[2] = APUS_CONV_ONES_LOW(s[2], s[3]), t[3] = APUS_CONV_ONES_HIGH(s[2], s[3]);
        r[4 * q] = APUS_CONV_TWOS_LOW(t[0], t[2]), r[4 * q + 1] = APUS_CONV_TWOS_HIGH(t[0], t[2]), r[4 * q + 2] = APUS_CONV_TWOS_LOW(t[1], t[3]), r[4 * q + 3] = APUS_CONV_TWOS_HIGH(t[1], t[3]);
    }
    for (int i = 0; i < 16; i++) to[i] = r[i];
}

/// Sums of `count` positions to their places: one row for each channel.
APUS_CLONES static void put_sums(const float *sums, int64_t count, int64_t channels, float *out, int64_t out_step) {
    for (int64_t c = 0; c < channels; c += LANES)
        for (int64_t first = 0; first < count;) {
            int64_t taken = APUS_MIN(LANES, count - first), rows = APUS_MIN(LANES, channels - c);
            line16 lines[16];
            transpose16(sums + first * APUS_CONV_WIDTH + c, lines);
            float *to = out + c * out_step + first;
            if (taken == LANES) {
                for (int64_t i = 0; i < rows; i++) memcpy(to + i * out_step, &lines[i], sizeof(line16));
            } else {
                for (int64_t i = 0; i < rows; i++) apus_conv_put((const float *)&lines[i], taken, to + i * out_step);
            }
            first += taken;
        }
}

/// Sums of some rows for one or two panels of channels.
static void sum_rows(const job *j, const float *in, const float *weight, int64_t panels, const float *start, int64_t first, int64_t rows, float *sums) {
    const apus_conv *c = j->conv;
    int64_t step = c->stride[2], even = j->row / j->runs, more = j->row % j->runs;
    apus_conv_run_function longer = apus_conv_run_for(even + (more > 0), step, panels), shorter = apus_conv_run_for(even, step, panels);
    for (int64_t k = 0; k < j->shape->rows; k += DEPTH) {
        apus_conv_run r = {APUS_MIN(DEPTH, j->shape->rows - k), weight + k * LANES, j->shape->rows * LANES, NULL, j->offsets + k, k == 0 ? start : NULL, sums};
        for (int64_t row = first; row < first + rows; row++) {
            int64_t y = row % c->out_size[1], z = row / c->out_size[1];
            r.in = in + (z * c->stride[0] * j->block.size[1] + y * c->stride[1]) * j->block.size[2];
            for (int64_t run = 0; run < j->runs; run++) {
                int64_t count = even + (run < more);
                (run < more ? longer : shorter)(&r);
                r.in += count * step;
                r.sums += count * APUS_CONV_WIDTH;
            }
        }
    }
}

static void range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv *c = j->conv;
    const apus_conv_shape *s = j->shape;
    int64_t all_rows = s->out_plane / j->row, most = apus_conv_run_panels();
    // Lines behind the last are transposed as well, and dropped.
    float *sums = apus_allocate((j->rows * j->row + LANES) * APUS_CONV_WIDTH * 4), start[APUS_CONV_WIDTH] = {0};
    if (!sums) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    memset(sums + j->rows * j->row * APUS_CONV_WIDTH, 0, LANES * APUS_CONV_WIDTH * 4);
    for (int64_t t = begin; t < end; t++) {
        int64_t pair = t % j->pairs, part = t / j->pairs % j->parts, copy = t / j->pairs / j->parts, place = j->first_place + copy;
        int64_t group = place % c->groups, sample = place / c->groups, first = part * j->rows, rows = APUS_MIN(j->rows, all_rows - first);
        int64_t panel = pair * most, panels = APUS_MIN(most, j->panels - panel), channel = panel * LANES, channels = APUS_MIN(panels * LANES, s->group_out - channel);
        const float *in = j->copies ? j->copies + copy * s->group_in * j->block.channel : j->in + place * s->group_in * s->in_plane;
        if (t == begin && s->pointwise && apus_is_first_piece()) apus_conv_fetch(in + first * j->row, s->group_in, s->in_plane, rows * j->row);
        if (j->bias) memset(start, 0, sizeof start), memcpy(start, j->bias + group * s->group_out + channel, (size_t)channels * 4);
        sum_rows(j, in, j->packed + (group * j->panels + panel) * s->rows * LANES, panels, start, first, rows, sums);
        int64_t row = sample * c->out_channels + group * s->group_out + channel, column = first * j->row;
        put_sums(sums, rows * j->row, channels, j->out + row * s->out_plane + column, s->out_plane);
        if (j->after) j->after(j->context, row, channels, column, rows * j->row);
    }
    apus_free(sums);
}

/// As measured: lanes of channels have to be transposed in the end, which many products outweigh, or vectors of positions with many gaps.
bool apus_conv_suits_runs(const apus_conv *c, const apus_conv_shape *s) {
    int64_t limit = apus_conv_run_limit(), lanes = (s->group_out + LANES - 1) / LANES * LANES;
    if (limit == 0 || s->depthwise || s->group_out <= LANES / 2 || 4 * s->group_out < 3 * lanes || s->rows < LEAST_DEPTH || c->stride[2] > 2) return false;
    bool is_narrow = limit < LANES / 2; // other forms have few registers for their sums
    if (s->pointwise) return s->out_plane <= 49 || (s->out_plane <= MOST_POSITIONS && s->rows >= (s->out_plane <= 112 ? 256 : 448) / (is_narrow ? 2 : 1));
    if (s->window == 1 && s->in_plane > 4096) return false;
    return (is_narrow || c->out_size[2] <= 64) && (s->group_out > LANES || c->stride[2] == 2);
}

/// Sizes of what windows see; whether the input is read in place.
static bool set_planes(job *j, bool *in_place) {
    const apus_conv *c = j->conv;
    j->dense = *c;
    j->block.conv = &j->dense;
    *in_place = true;
    for (int d = 0; d < 3; d++) *in_place &= c->padding[d] == 0;
    for (int d = 0; d < 3; d++) {
        j->dense.stride[d] = 1;
        j->dense.out_size[d] = *in_place ? c->in_size[d] - (c->kernel[d] - 1) * c->dilation[d] : (c->out_size[d] - 1) * c->stride[d] + 1;
    }
    return apus_conv_set_block(&j->block, j->dense.out_size[0], j->shape->group_in);
}

int apus_conv_runs(const apus_conv *conv, const apus_conv_shape *s, const float *in, const float *packed, const float *bias, apus_epilogue after, void *context, float *out) {
    if (conv->batch == 0 || s->out_plane == 0 || conv->out_channels == 0) return APUS_OK;
    apus_conv c = *conv;
    if (s->pointwise) {
        for (int d = 0; d < 2; d++) c.in_size[d] = c.out_size[d] = 1;
        c.in_size[2] = c.out_size[2] = s->out_plane;
        // Two rows are read as well as one, and can be two tasks.
        if (s->out_plane % 2 == 0) c.in_size[1] = c.out_size[1] = 2, c.in_size[2] = c.out_size[2] = s->out_plane / 2;
    }
    job j = {.conv = &c, .shape = s, .in = in, .packed = packed, .bias = bias, .out = out, .after = after, .context = context};
    bool in_place;
    if (!set_planes(&j, &in_place)) return APUS_OUT_OF_MEMORY;
    int64_t places = c.batch * c.groups, limit = apus_conv_run_limit();
    j.row = c.out_size[2];
    j.runs = (j.row - 1) / limit + 1;
    j.rows = APUS_MIN(s->out_plane / j.row, (POSITIONS - 1) / j.row + 1);
    j.panels = (s->group_out - 1) / LANES + 1;
    j.pairs = (j.panels - 1) / apus_conv_run_panels() + 1;
    if (j.rows > 1 && apus_splits_unevenly(places * j.pairs * ((s->out_plane / j.row - 1) / j.rows + 1))) j.rows = 1;
    j.parts = (s->out_plane / j.row - 1) / j.rows + 1;
    int64_t together = in_place ? places : APUS_MIN(places, APUS_MAX(1, COPY_FLOATS / (s->group_in * j.block.channel))), work = j.rows * j.row * s->rows * APUS_CONV_WIDTH;
    int64_t *offsets = apus_allocate(s->rows * (int64_t)sizeof(int64_t));
    if (!in_place) j.copies = apus_allocate(together * s->group_in * j.block.channel * 4);
    if (!offsets || (!in_place && !j.copies)) j.status = APUS_OUT_OF_MEMORY;
    else apus_conv_set_offsets(&j.block, s->group_in, offsets);
    j.offsets = offsets;
    for (; j.first_place < places && atomic_load_explicit(&j.status, memory_order_relaxed) == APUS_OK; j.first_place += together) {
        int64_t count = APUS_MIN(together, places - j.first_place);
        if (j.copies) apus_parallel_for(count * s->group_in, 8192 / j.block.channel + 1, copy_range, &j);
        apus_parallel_for(count * j.parts * j.pairs, 65536 / work + 1, range, &j);
    }
    apus_free(offsets);
    apus_free(j.copies);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
