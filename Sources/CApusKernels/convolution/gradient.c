/// The gradient by the weight in float32, without unrolled windows. Sixteen output channels of the gradient lie side by side, in panels; each number of a padded
/// block of the input then adds to sixteen weights at once. Where a group has few output channels, neighbouring positions lie side by side instead.
#include "gradient.h"
#include "../matmul/panels.h"
#include "block.h"
#include <stdatomic.h>

enum {
    LANES = APUS_PANEL,
    MOST_ROWS = 10,         // elements of windows to a block of registers
    FEW_CHANNELS = 8,       // below: positions in lanes
    COLUMNS = 384,          // positions that are summed up at a time
    INPUT_FLOATS = 1 << 16, // of padded blocks at a time
    SUM_FLOATS = 1 << 21,   // of sums that are kept apart
    TASKS = 16,
    LEAST_POSITIONS = 256,
    MANY_CHANNELS = 64,
    LEAST_CHANNELS = 8, // to a task
};

typedef float line16 __attribute__((vector_size(64), aligned(4)));
typedef uint32_t count16 __attribute__((vector_size(64), aligned(4)));

/// Sums for a few elements of windows.
typedef struct {
    const float *in;
    const int64_t *offsets;        // by row, in `in`
    const int64_t *starts;         // of lines of positions, in `in`
    int64_t lines, length, padded; // of positions; padded length of a line of `grad`
    const float *grad;
    int64_t panel; // elements from one panel to the next
    float *sum;
    int64_t step; // from one row of sums to the next
} sums;

#define UNROLLED APUS_PRAGMA(clang loop unroll(full))

/// Rows and panels are known where this is inlined.
APUS_INLINE void sum_panels(int rows, int panels, const sums *s) {
    line16 sum[MOST_ROWS][4];
    const float *in[MOST_ROWS], *grad = s->grad;
    UNROLLED for (int i = 0; i < rows; i++) {
        in[i] = s->in + s->offsets[i];
        UNROLLED for (int p = 0; p < panels; p++) sum[i][p] = (line16){0};
    }
    int64_t panel = s->panel, length = s->length;
    for (int64_t line = 0; line < s->lines; line++) {
        int64_t start = s->starts[line];
        APUS_PRAGMA(clang loop unroll(disable))
        for (int64_t x = start; x < start + length; x++, grad += LANES) {
            line16 g[4];
            UNROLLED for (int p = 0; p < panels; p++) memcpy(&g[p], grad + p * panel, sizeof g[p]);
            UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int p = 0; p < panels; p++) sum[i][p] = sum[i][p] + g[p] * in[i][x];
        }
    }
    UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int p = 0; p < panels; p++) {
        float *to = s->sum + i * s->step + p * LANES;
        line16 before;
        memcpy(&before, to, sizeof before);
        before = before + sum[i][p];
        memcpy(to, &before, sizeof before);
    }
}

/// One output channel.
APUS_INLINE void sum_lanes(int rows, const sums *s) {
    static const count16 NUMBERS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    line16 sum[MOST_ROWS];
    const float *in[MOST_ROWS], *grad = s->grad;
    UNROLLED for (int i = 0; i < rows; i++) in[i] = s->in + s->offsets[i], sum[i] = (line16){0};
    int64_t whole = s->length / LANES * LANES;
    count16 inside = (count16)(NUMBERS < (count16){0} + (uint32_t)(s->length - whole));
    for (int64_t line = 0; line < s->lines; line++, grad += s->padded) {
        int64_t start = s->starts[line];
        line16 g, v;
        for (int64_t x = 0; x < whole; x += LANES) {
            memcpy(&g, grad + x, sizeof g);
            UNROLLED for (int i = 0; i < rows; i++) {
                memcpy(&v, in[i] + start + x, sizeof v);
                sum[i] = sum[i] + g * v;
            }
        }
        if (whole == s->length) continue;
        // What lies behind a line is anything.
        memcpy(&g, grad + whole, sizeof g);
        g = (line16)((count16)g & inside);
        UNROLLED for (int i = 0; i < rows; i++) {
            memcpy(&v, in[i] + start + whole, sizeof v);
            sum[i] = sum[i] + g * (line16)((count16)v & inside);
        }
    }
    UNROLLED for (int i = 0; i < rows; i++) {
        float parts[LANES];
        memcpy(parts, &sum[i], sizeof parts);
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int e = 0; e < half; e++) parts[e] += parts[e + half];
        s->sum[i * s->step] += parts[0];
    }
}

#define PANELS(LEVEL, ROWS, COUNT) LEVEL##_TARGET static void LEVEL##_##ROWS##x##COUNT(const sums *s) { sum_panels(ROWS, COUNT, s); }
#define ROWS_OF(LEVEL, ROWS)                                                                                                                    \
    PANELS(LEVEL, ROWS, 1)                                                                                                                       \
    LEVEL##_TARGET static void LEVEL##_##ROWS##_lanes(const sums *s) { sum_lanes(ROWS, s); }
#define ENTRY(LEVEL, ROWS) {LEVEL##_##ROWS##x1, NULL, NULL, LEVEL##_##ROWS##_lanes}
#define MORE_OF(LEVEL, ROWS) ROWS_OF(LEVEL, ROWS) PANELS(LEVEL, ROWS, 2) PANELS(LEVEL, ROWS, 4)
#define MORE_ENTRY(LEVEL, ROWS) {LEVEL##_##ROWS##x1, LEVEL##_##ROWS##x2, LEVEL##_##ROWS##x4, LEVEL##_##ROWS##_lanes}

/// By rows and by panels: 1, 2, 4, and positions in lanes.
typedef struct {
    int rows[4], panels; // at most
    void (*of[MOST_ROWS][4])(const sums *);
} kernels;

#define SIX_OF(LEVEL) ROWS_OF(LEVEL, 1) ROWS_OF(LEVEL, 2) ROWS_OF(LEVEL, 3) ROWS_OF(LEVEL, 4) ROWS_OF(LEVEL, 5) ROWS_OF(LEVEL, 6)
#define SIX_ENTRIES(LEVEL) {{6, 0, 0, 6}, 1, {ENTRY(LEVEL, 1), ENTRY(LEVEL, 2), ENTRY(LEVEL, 3), ENTRY(LEVEL, 4), ENTRY(LEVEL, 5), ENTRY(LEVEL, 6)}}

#if defined(__x86_64__)
#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
MORE_OF(V4, 1) MORE_OF(V4, 2) MORE_OF(V4, 3) MORE_OF(V4, 4) MORE_OF(V4, 5) MORE_OF(V4, 6) MORE_OF(V4, 7) ROWS_OF(V4, 8) ROWS_OF(V4, 9) ROWS_OF(V4, 10)
static const kernels V4_kernels = {{10, 7, 7, 10}, 4, {MORE_ENTRY(V4, 1), MORE_ENTRY(V4, 2), MORE_ENTRY(V4, 3), MORE_ENTRY(V4, 4), MORE_ENTRY(V4, 5),
                                                       MORE_ENTRY(V4, 6), MORE_ENTRY(V4, 7), ENTRY(V4, 8), ENTRY(V4, 9), ENTRY(V4, 10)}};
#define V3_TARGET __attribute__((target("arch=x86-64-v3")))
SIX_OF(V3)
static const kernels V3_kernels = SIX_ENTRIES(V3);
#endif
#define BASE_TARGET
SIX_OF(BASE)
static const kernels BASE_kernels = SIX_ENTRIES(BASE);

static const kernels *kernels_of_cpu(void) {
#if defined(__x86_64__)
    static _Atomic(const kernels *) chosen;
    const kernels *found = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!found) {
        const char *level = apus_cpu_level();
        found = strcmp(level, "avx512") == 0 ? &V4_kernels : strcmp(level, "avx2") == 0 ? &V3_kernels : &BASE_kernels;
        atomic_store_explicit(&chosen, found, memory_order_relaxed);
    }
    return found;
#else
    return &BASE_kernels;
#endif
}

typedef struct {
    const apus_conv *conv;
    const apus_conv_shape *shape;
    const float *grad, *in;
    float *sums, *out; // sums: [chunks][groups][rows][width]
    const kernels *kernels;
    apus_conv_block block;
    bool in_lanes;
    int64_t *offsets, *starts;                      // of one channel's window; of lines
    int64_t width;                                  // sums of one element of a window
    int64_t unit_columns, lines, length, padded;    // positions and lines of a unit, positions of a line, and as they lie in lanes
    int64_t chunk, chunks, channels, channel_parts; // samples and channels to a task
    int64_t together, copied;                       // samples whose planes are summed up at a time; channels
    _Atomic int status;
} job;

/// Lines of so many units: all of them are one line where a unit is one position of the last dimension.
static int64_t line_count(const job *j, int64_t units) { return j->block.unit == 2 ? 1 : units * j->lines; }
static int64_t line_length(const job *j, int64_t units) { return j->block.unit == 2 ? units : j->length; }

static int64_t panel_count(const job *j) { return (j->shape->group_out + LANES - 1) / LANES; }

/// Lines, each from a whole register on.
static void copy_lines(const float *from, int64_t lines, int64_t length, int64_t padded, float *to) {
    for (int64_t line = 0; line < lines; line++, from += length, to += padded) {
        for (int64_t x = 0; x + LANES <= length; x += LANES) memcpy(to + x, from + x, LANES * 4);
        if (length >= LANES) memcpy(to + length - LANES, from + length - LANES, LANES * 4);
        else memcpy(to, from, (size_t)length * 4);
    }
}

/// The gradient of `units` positions from `first` on, of a few samples of one group, as kernels read it.
static void pack(const job *j, int64_t sample, int64_t samples, int64_t group, int64_t first, int64_t units, float *to) {
    const apus_conv_shape *s = j->shape;
    int64_t columns = units * j->unit_columns, plane = s->out_plane;
    for (int64_t i = 0; i < samples; i++) {
        const float *from = j->grad + (((sample + i) * j->conv->groups + group) * s->group_out) * plane + first * j->unit_columns;
        if (j->in_lanes) {
            int64_t lines = line_count(j, units);
            for (int64_t o = 0; o < s->group_out; o++) copy_lines(from + o * plane, lines, line_length(j, units), j->padded, to + (o * samples + i) * lines * j->padded);
        } else {
            for (int64_t p = 0; p < panel_count(j); p++)
                apus_pack_panel(from + p * LANES * plane, plane, 1, APUS_MIN(LANES, s->group_out - p * LANES), columns, to + (p * samples + i) * columns * LANES);
        }
    }
}

/// All sums of a few channels, `count` of them, whose blocks lie in `in`.
static void add_up(const job *j, sums s, int64_t count, float *sum) {
    const kernels *k = j->kernels;
    int64_t window = j->shape->window, rows = count * window, panels = panel_count(j), positions = s.lines * s.padded; // in lanes
    const float *grad = s.grad, *in = s.in;
    s.step = j->width;
    for (int64_t p = 0, taken; p < (j->in_lanes ? j->shape->group_out : panels); p += taken) {
        taken = j->in_lanes ? 1 : panels - p >= 4 && k->panels >= 4 ? 4 : panels - p >= 2 && k->panels >= 2 ? 2 : 1;
        int kind = j->in_lanes ? 3 : (int)taken / 2;
        int64_t steps = (rows - 1) / k->rows[kind] + 1;
        s.panel = s.lines * s.length * LANES;
        s.grad = grad + p * (j->in_lanes ? positions : s.panel);
        for (int64_t step = 0, row = 0; step < steps; step++) {
            int64_t next = (step + 1) * rows / steps, offsets[MOST_ROWS];
            for (int64_t r = row; r < next; r++) offsets[r - row] = r / window * j->together * j->block.channel + j->offsets[r % window];
            s.in = in;
            s.offsets = offsets;
            s.sum = sum + row * j->width + p * (j->in_lanes ? 1 : LANES);
            k->of[next - row - 1][kind](&s);
            row = next;
        }
    }
}

static void range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv *c = j->conv;
    const apus_conv_shape *s = j->shape;
    int64_t units = s->out_plane / j->unit_columns, columns = line_count(j, j->block.units) * (j->in_lanes ? j->padded : line_length(j, j->block.units));
    int64_t in_floats = j->copied * j->together * j->block.channel + APUS_CONV_SLACK, grad_floats = (j->in_lanes ? s->group_out : panel_count(j) * LANES) * j->together * columns;
    float *in = apus_allocate(in_floats * 4), *grad = apus_allocate(grad_floats * 4);
    if (!in || !grad) atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
    else memset(in, 0, (size_t)in_floats * 4);
    for (int64_t task = begin; in && grad && task < end; task++) {
        int64_t part = task % j->channel_parts, group = task / j->channel_parts % c->groups, chunk = task / j->channel_parts / c->groups;
        int64_t first_channel = part * j->channels, last_channel = APUS_MIN(s->group_in, first_channel + j->channels), last_sample = APUS_MIN(c->batch, (chunk + 1) * j->chunk);
        float *sum = j->sums + ((chunk * c->groups + group) * s->group_in + first_channel) * s->window * j->width;
        memset(sum, 0, (size_t)((last_channel - first_channel) * s->window * j->width) * 4);
        for (int64_t sample = chunk * j->chunk, samples; sample < last_sample; sample += samples) {
            samples = APUS_MIN(j->together, last_sample - sample);
            for (int64_t first = 0, taken; first < units; first += taken) {
                taken = APUS_MIN(j->block.units, units - first);
                pack(j, sample, samples, group, first, taken, grad);
                sums work = {.in = in, .starts = j->starts, .lines = line_count(j, taken), .length = line_length(j, taken), .padded = j->padded, .grad = grad};
                int64_t starts[COLUMNS];
                if (samples > 1) {
                    // Lines of several samples: planes that have few of them.
                    for (int64_t i = 0; i < samples * work.lines; i++) starts[i] = i / work.lines * j->block.channel + j->starts[i % work.lines];
                    work.starts = starts;
                    work.lines *= samples;
                }
                for (int64_t channel = first_channel, count; channel < last_channel; channel += count) {
                    count = APUS_MIN(j->copied, last_channel - channel);
                    for (int64_t i = 0; i < count; i++)
                        for (int64_t e = 0; e < samples; e++)
                            apus_conv_fill_block(&j->block, j->in + (((sample + e) * c->groups + group) * s->group_in + channel + i) * s->in_plane, first, in + (i * j->together + e) * j->block.channel);
                    add_up(j, work, count, sum + (channel - first_channel) * s->window * j->width);
                }
            }
        }
    }
    apus_free(in);
    apus_free(grad);
}

/// Adds the chunks' sums, in their order, for channels of all groups.
static void gather(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_conv_shape *s = j->shape;
    int64_t size = j->conv->groups * s->rows * j->width;
    for (int64_t i = begin; i < end; i++) {
        int64_t group = i / s->group_in, channel = i % s->group_in;
        const float *from = j->sums + i * s->window * j->width;
        for (int64_t o = 0; o < s->group_out; o++) {
            float *to = j->out + ((group * s->group_out + o) * s->group_in + channel) * s->window;
            for (int64_t k = 0; k < s->window; k++) {
                float sum = from[k * j->width + o];
                for (int64_t chunk = 1; chunk < j->chunks; chunk++) sum += from[chunk * size + k * j->width + o];
                to[k] = sum;
            }
        }
    }
}

/// How much is done at a time, by the shape alone.
static bool plan(job *j) {
    const apus_conv *c = j->conv;
    const apus_conv_shape *s = j->shape;
    while (j->block.unit < 2 && c->out_size[j->block.unit] == 1) j->block.unit++;
    int64_t units = c->out_size[j->block.unit], sums, blocks;
    j->in_lanes = s->group_out < FEW_CHANNELS;
    j->width = j->in_lanes ? s->group_out : panel_count(j) * LANES;
    j->unit_columns = s->out_plane / units;
    j->lines = j->unit_columns / c->out_size[2];
    int64_t most = APUS_MAX(1, COLUMNS / j->unit_columns);
    if (!apus_conv_set_block(&j->block, APUS_MIN(units, most), s->group_in)) return false;
    j->length = c->out_size[2];
    j->padded = (line_length(j, j->block.units) + LANES - 1) / LANES * LANES;
    if (__builtin_mul_overflow(c->groups * s->rows, j->width, &sums)) return false;
    j->chunks = APUS_MIN(c->batch, TASKS / 2);
    while (j->chunks > 1 && j->chunks > SUM_FLOATS / sums) j->chunks /= 2;
    j->chunk = (c->batch - 1) / j->chunks + 1;
    j->chunks = (c->batch - 1) / j->chunk + 1;
    blocks = APUS_MAX(1, APUS_MIN((TASKS - 1) / (c->groups * j->chunks) + 1, s->group_in / LEAST_CHANNELS));
    j->channels = (s->group_in - 1) / blocks + 1;
    j->channel_parts = (s->group_in - 1) / j->channels + 1;
    j->together = j->block.units == units ? APUS_MAX(1, APUS_MIN(APUS_MIN(j->chunk, COLUMNS / s->out_plane), INPUT_FLOATS / j->block.channel)) : 1;
    j->copied = APUS_MAX(1, APUS_MIN(j->channels, INPUT_FLOATS / (j->together * j->block.channel)));
    return true;
}

bool apus_conv_suits_gradient(const apus_conv *c, const apus_conv_shape *s) {
    // Sums are kept by themselves at first: with many of them from few positions that takes longer than unrolling.
    return s->window > 1 && (c->batch * s->out_plane >= LEAST_POSITIONS || s->group_out < MANY_CHANNELS);
}

int apus_conv_gradient(const apus_conv *c, const apus_conv_shape *s, const float *grad, const float *in, float *out) {
    job j = {.conv = c, .shape = s, .block = {.conv = c}, .grad = grad, .in = in, .out = out, .kernels = kernels_of_cpu()};
    if (!plan(&j)) return APUS_OUT_OF_MEMORY;
    int64_t lines = line_count(&j, j.block.units);
    j.sums = apus_allocate(j.chunks * c->groups * s->rows * j.width * 4);
    j.offsets = apus_allocate(s->window * (int64_t)sizeof(int64_t));
    j.starts = apus_allocate(lines * (int64_t)sizeof(int64_t));
    if (!j.sums || !j.offsets || !j.starts) {
        j.status = APUS_OUT_OF_MEMORY;
    } else {
        apus_conv_set_offsets(&j.block, 1, j.offsets);
        // Units of the first dimension are slices of lines.
        for (int64_t i = 0; i < lines; i++) j.starts[i] = (j.block.unit == 0 ? i / c->out_size[1] * j.block.size[1] + i % c->out_size[1] : i) * j.block.size[2];
        int64_t work = j.chunk * s->out_plane * j.channels * s->window * APUS_MAX(s->group_out, LANES);
        apus_parallel_for(j.chunks * c->groups * j.channel_parts, 65536 / work + 1, range, &j);
        if (j.status == APUS_OK) apus_parallel_for(c->in_channels, 16384 / (s->window * s->group_out * j.chunks) + 1, gather, &j);
    }
    apus_free(j.sums);
    apus_free(j.offsets);
    apus_free(j.starts);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
