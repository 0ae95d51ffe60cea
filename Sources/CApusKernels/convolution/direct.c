/// Convolutions without unrolled windows. A block of the input is copied once, with its padding, each phase of the stride by itself, so that a step of one output
/// position is a step of one element everywhere: a window's values for neighbouring positions are then plain vectors at an offset that the tap decides. Positions run
/// through the padded block; those between two rows are computed and dropped.
#include "direct.h"
#include "block.h"
#include "tile.h"
#include <stdatomic.h>

enum {
    BLOCK_COLUMNS = 480,     // positions to a task, as far as memory allows
    BLOCK_FLOATS = 1 << 16,  // of the padded block: it stays in the second-level cache
    TASKS = 16,              // that a convolution is cut into where it is large
    PLANE_COLUMNS = 4096,    // the same for depthwise convolutions
    TILE = APUS_CONV_LANES * APUS_CONV_VECTORS,
    LINES = 8,
};

typedef struct {
    const apus_conv *conv;
    const apus_conv_shape *shape;
    const float *in, *packed, *bias;
    float *out;
    apus_epilogue after;
    void *context;
    bool in_place;                        // windows are read where the input lies
    apus_conv_block block;
    int64_t unit_columns, blocks;  // output positions of a unit; blocks of a plane
    int64_t panels, panel_blocks;  // panels of output channels to a task, tasks of one group's channels
    int64_t *offsets;                     // by element of a window
    _Atomic int status;
} job;

static int64_t panel_count(const apus_conv_shape *s) { return (s->group_out + APUS_CONV_ROWS - 1) / APUS_CONV_ROWS; }

/// Channels of a packed panel: those of a run's tile where there are as many, of which two tiles of rows have a half each.
static int64_t packed_width(const apus_conv_shape *s) { return s->group_out > APUS_CONV_ROWS ? 2 * APUS_CONV_ROWS : APUS_CONV_ROWS; }
static int64_t packed_count(const apus_conv_shape *s) { return (s->group_out - 1) / packed_width(s) + 1; }

int64_t apus_conv_direct_size(const apus_conv *conv, const apus_conv_shape *s) {
    int64_t floats;
    if (s->group_out == 0) return 0;
    if (__builtin_mul_overflow(packed_count(s) * packed_width(s), s->rows, &floats) || __builtin_mul_overflow(floats, conv->groups, &floats)) return -1;
    return floats > INT64_MAX / 4 ? -1 : floats * 4;
}

typedef struct {
    const apus_conv_shape *shape;
    const float *weight;
    float *packed;
} packing;

/// Panels begin ..< end of all groups: [rows][packed width] each, zeros for channels beyond the last.
static void pack_range(void *context, int64_t begin, int64_t end) {
    const packing *p = context;
    const apus_conv_shape *s = p->shape;
    int64_t width = packed_width(s);
    for (int64_t panel = begin; panel < end; panel++) {
        int64_t group = panel / packed_count(s), first = panel % packed_count(s) * width, count = APUS_MIN(width, s->group_out - first);
        const float *from = p->weight + (group * s->group_out + first) * s->rows;
        float *to = p->packed + panel * s->rows * width;
        if (count < width) memset(to, 0, (size_t)(s->rows * width) * 4);
        for (int64_t k = 0; k < s->rows; k++)
            for (int64_t i = 0; i < count; i++) to[k * width + i] = from[i * s->rows + k];
    }
}

void apus_conv_direct_pack(const apus_conv *conv, const apus_conv_shape *s, const float *weight, float *packed) {
    packing p = {s, weight, packed};
    if (s->group_out > 0) apus_parallel_for(conv->groups * packed_count(s), 32768 / (packed_width(s) * s->rows + 1) + 1, pack_range, &p);
}

/// Copies the columns of a tile that are output positions; column 0 of it is column `first` of the block.
static void keep_columns(const job *j, const float *tile, int rows, int64_t first, int64_t count, float *out) {
    const apus_conv *c = j->conv;
    int64_t x = first % j->block.size[2], y = first / j->block.size[2], line = y % j->block.size[1], slice = y / j->block.size[1];
    for (int64_t i = 0; i < count;) {
        int64_t n = APUS_MIN(count - i, j->block.size[2] - x), take = line < c->out_size[1] ? APUS_MIN(n, c->out_size[2] - x) : 0;
        if (take > 0) {
            float *to = out + (slice * c->out_size[1] + line) * c->out_size[2] + x;
            const float *from = tile + i;
            for (int r = 0; r < rows; r++, to += j->shape->out_plane, from += TILE)
                for (int64_t e = 0; e < take; e++) to[e] = from[e];
        }
        i += n;
        x = 0;
        if (++line == j->block.size[1]) {
            line = 0;
            slice++;
        }
    }
}

typedef float line8 __attribute__((vector_size(32), aligned(4)));

/// `count` lines of eight neighbouring positions of one plane by one filter; `count` is known where this is inlined.
APUS_INLINE void filter_lines(int count, int64_t depth, const float *weight, const float *in, const int64_t *offsets, float start, float *out) {
    line8 sum[LINES];
    for (int i = 0; i < count; i++) sum[i] = (line8){0} + start;
    for (int64_t k = 0; k < depth; k++) {
        const float *from = in + offsets[k];
        for (int i = 0; i < count; i++) {
            line8 b;
            memcpy(&b, from + i * 8, sizeof b);
            sum[i] = sum[i] + b * weight[k];
        }
    }
    for (int i = 0; i < count; i++) memcpy(out + i * 8, &sum[i], sizeof sum[i]);
}

APUS_CLONES static void filter(int count, int64_t depth, const float *weight, const float *in, const int64_t *offsets, float start, float *out) {
    switch (count) {
    case 1: filter_lines(1, depth, weight, in, offsets, start, out); break;
    case 2: filter_lines(2, depth, weight, in, offsets, start, out); break;
    case 4: filter_lines(4, depth, weight, in, offsets, start, out); break;
    default: filter_lines(LINES, depth, weight, in, offsets, start, out); break;
    }
}

/// Depthwise: all filters of one channel at one block of positions.
static void filter_block(const job *j, int64_t group, const float *in, int64_t columns, float *out) {
    const apus_conv_shape *s = j->shape;
    float scratch[LINES * 8];
    for (int64_t channel = group * s->group_out; channel < (group + 1) * s->group_out; channel++, out += s->out_plane)
        for (int64_t first = 0; first < columns;) {
            int64_t left = columns - first, lines = left > 32 ? LINES : left > 16 ? 4 : left > 8 ? 2 : 1, count = APUS_MIN(left, lines * 8);
            filter((int)lines, s->window, j->packed + channel * s->window, in + first, j->offsets, j->bias ? j->bias[channel] : 0, scratch);
            keep_columns(j, scratch, 1, first, count, out);
            first += count;
        }
}

/// The packed weights of eight channels.
static const float *panel_at(const job *j, int64_t group, int64_t panel) {
    const apus_conv_shape *s = j->shape;
    int64_t width = packed_width(s), first = panel * APUS_CONV_ROWS;
    return j->packed + (group * packed_count(s) + first / width) * s->rows * width + first % width;
}

/// All panels of a task at one block of positions: `in` is the block's first window, `out` its first result of the task's first channel.
static void run_block(const job *j, int64_t group, int64_t panel, int64_t panels, const float *in, int64_t columns, float *out) {
    const apus_conv_shape *s = j->shape;
    const int64_t *size = j->block.size, *out_size = j->conv->out_size;
    bool dense = j->block.unit == 2 || (size[2] == out_size[2] && (j->block.unit == 1 || size[1] == out_size[1]));
    float scratch[APUS_CONV_ROWS * TILE], start[APUS_CONV_ROWS] = {0};
    for (int64_t p = panel; p < panel + panels; p++) {
        int64_t channel = p * APUS_CONV_ROWS, rows = APUS_MIN(APUS_CONV_ROWS, s->group_out - channel);
        if (j->bias) memcpy(start, j->bias + group * s->group_out + channel, (size_t)rows * 4);
        float *target = out + (p - panel) * APUS_CONV_ROWS * s->out_plane;
        apus_conv_tile t = {.depth = s->rows, .weight = panel_at(j, group, p), .weight_step = packed_width(s), .offsets = j->offsets, .step = APUS_CONV_LANES, .start = j->bias ? start : NULL, .rows = (int)rows};
        for (int64_t first = 0; first < columns; first += TILE) {
            int64_t count = APUS_MIN(TILE, columns - first), at = first;
            t.vectors = (int)((count + APUS_CONV_LANES - 1) / APUS_CONV_LANES);
            // Where nothing lies behind the input, the last vectors begin earlier; they compute some positions twice, with the same result.
            if (j->in_place) at = APUS_MIN(first, columns - t.vectors * APUS_CONV_LANES);
            bool whole = dense && at + t.vectors * APUS_CONV_LANES <= columns;
            t.in = in + at;
            t.out = whole ? target + at : scratch;
            t.out_stride = whole ? s->out_plane : TILE;
            apus_conv_run_tile(&t);
            if (!whole) keep_columns(j, scratch, (int)rows, first, count, target);
        }
    }
}

/// Positions from the first to the last of a block of `units`, those between rows included.
static int64_t block_columns(const job *j, int64_t units) {
    int64_t columns = 1;
    for (int d = 0; d < 3; d++) columns += ((d == j->block.unit ? units : j->conv->out_size[d]) - 1) * (d == 0 ? j->block.size[1] * j->block.size[2] : d == 1 ? j->block.size[2] : 1);
    return columns;
}

static void direct_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv *c = j->conv;
    const apus_conv_shape *s = j->shape;
    float *block = NULL;
    if (!j->in_place) {
        int64_t floats = s->group_in * j->block.channel;
        block = apus_allocate((floats + APUS_CONV_SLACK) * 4);
        if (!block) {
            atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
            return;
        }
        memset(block + floats, 0, APUS_CONV_SLACK * 4);
    }
    int64_t filled = -1;
    for (int64_t task = begin; task < end; task++) {
        int64_t part = task % j->panel_blocks, place = task / j->panel_blocks, b = place % j->blocks, group = place / j->blocks % c->groups, sample = place / j->blocks / c->groups;
        int64_t first = b * j->block.units, total = s->out_plane / j->unit_columns, units = b + 1 == j->blocks ? total - first : j->block.units;
        int64_t panel = part * j->panels, panels = APUS_MIN(j->panels, panel_count(s) - panel), channel = group * s->group_out + panel * APUS_CONV_ROWS;
        const float *planes = j->in + (sample * c->in_channels + group * s->group_in) * s->in_plane;
        if (!j->in_place && place != filled) {
            for (int64_t i = 0; i < s->group_in; i++) apus_conv_fill_block(&j->block, planes + i * s->in_plane, first, block + i * j->block.channel);
            filled = place;
        }
        if (j->in_place && task == begin && apus_is_first_piece()) apus_conv_fetch(planes + first, s->group_in, s->in_plane, units);
        int64_t row = sample * c->out_channels + channel, column = first * j->unit_columns, columns;
        if (j->in_place) columns = units;
        else columns = block_columns(j, units);
        float *out = j->out + row * s->out_plane + column;
        if (s->depthwise) filter_block(j, group, block, columns, out);
        else run_block(j, group, panel, panels, j->in_place ? planes + first : block, columns, out);
        int64_t rows = APUS_MIN(panels * APUS_CONV_ROWS, s->group_out - panel * APUS_CONV_ROWS);
        if (j->after) j->after(j->context, row, rows, column, units * j->unit_columns);
    }
    apus_free(block);
}

int apus_conv_direct(const apus_conv *c, const apus_conv_shape *s, const float *in, const float *packed, const float *bias, apus_epilogue after, void *context, float *out) {
    if (c->batch == 0 || s->out_plane == 0 || c->out_channels == 0) return APUS_OK;
    apus_conv flat = *c;
    if (s->pointwise) {
        for (int d = 0; d < 2; d++) flat.in_size[d] = flat.out_size[d] = 1;
        flat.in_size[2] = flat.out_size[2] = s->out_plane;
    }
    job j = {.conv = &flat, .shape = s, .block = {.conv = &flat}, .in = in, .packed = packed, .bias = bias, .out = out, .after = after, .context = context};
    j.in_place = s->pointwise && s->out_plane >= TILE;
    while (j.block.unit < 2 && flat.out_size[j.block.unit] == 1) j.block.unit++;
    int64_t units = flat.out_size[j.block.unit];
    if (!apus_conv_set_block(&j.block, 1, s->group_in)) return APUS_OUT_OF_MEMORY;
    if (j.in_place) {
        // Positions are the units, and each block has enough of them for a tile.
        j.unit_columns = 1;
        units = s->out_plane;
        j.block.channel = s->in_plane;
        j.block.units = BLOCK_COLUMNS;
        j.blocks = APUS_MAX(1, units / j.block.units);
    } else {
        j.unit_columns = s->out_plane / units;
        // The reach beyond a block is copied again for the next one: blocks are at least as long.
        int64_t fits = BLOCK_FLOATS / APUS_MAX(1, s->group_in * j.block.channel), wanted = ((s->depthwise ? PLANE_COLUMNS : BLOCK_COLUMNS) - 1) / j.unit_columns + 1;
        int64_t reach = j.block.size[j.block.unit] - 1, least = reach + 1;
        if (!apus_conv_set_block(&j.block, APUS_MIN(units, APUS_MAX(least, APUS_MIN(wanted, fits))), s->group_in)) return APUS_OUT_OF_MEMORY;
        j.blocks = (units - 1) / j.block.units + 1;
    }
    int64_t places = c->batch * c->groups * j.blocks, pieces = s->depthwise ? 1 : APUS_MIN((TASKS - 1) / places + 1, (panel_count(s) + 1) / 2);
    j.panels = (panel_count(s) - 1) / pieces + 1;
    j.panel_blocks = (panel_count(s) - 1) / j.panels + 1;
    if (j.in_place && units >= 4 * TILE && apus_splits_unevenly(places * j.panel_blocks)) {
        places *= 2;
        j.blocks *= 2;
        j.block.units = units / j.blocks / TILE * TILE;
    }
    j.offsets = apus_allocate(s->rows * (int64_t)sizeof(int64_t));
    if (!j.offsets) return APUS_OUT_OF_MEMORY;
    apus_conv_set_offsets(&j.block, s->group_in, j.offsets);
    int64_t work = j.panels * APUS_CONV_ROWS * j.block.units * j.unit_columns * APUS_MAX(1, s->rows);
    apus_parallel_for(places * j.panel_blocks, 65536 / work + 1, direct_range, &j);
    apus_free(j.offsets);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
