/// Depthwise convolutions with square windows of 3, 5 or 7 and a stride of 1 or 2, as image networks have them. Bands of a plane are copied with their padding,
/// even and odd columns apart where the stride is 2, and each register of neighbouring values serves all rows of results that it lies in the window of.
#include "depthwise.h"
#include <stdatomic.h>

/// Rows of results that are summed up together, and fewer for what is left; zeros before a copied row, whose numbers are aligned; floats of copied bands, which
/// stay in the first-level cache.
enum { ROWS = 7, FEW_ROWS = 4, LEAD = 16, BAND_FLOATS = 4096, TASK_WORK = 65536 };

typedef float line16 __attribute__((vector_size(64), aligned(4)));
typedef float line8 __attribute__((vector_size(32), aligned(4)));
typedef float line4 __attribute__((vector_size(16), aligned(4)));
typedef uint32_t count16 __attribute__((vector_size(64), aligned(4)));

/// Results of a few rows.
typedef struct {
    const float *in, *weight; // the first row's first column, behind its padding
    int64_t row, phase;       // elements from one copied row to the next, and from even to odd columns
    float start, *out;
    int rows, padding;
    int64_t width;
    const float *end; // behind it nothing may be written
} block;

#define UNROLLED APUS_PRAGMA(clang loop unroll(full))

/// The first `count` of a line's numbers.
#define KEEP(LINE, NAME)                                                                                                                        \
    APUS_INLINE void NAME(const LINE *line, int count, float *to) {                                                                              \
        float from[sizeof(LINE) / 4];                                                                                                            \
        memcpy(from, line, sizeof from);                                                                                                         \
        if (count >= 8) {                                                                                                                        \
            memcpy(to, from, 32);                                                                                                                \
            memcpy(to + count - 8, from + count - 8, 32);                                                                                        \
        } else if (count >= 4) {                                                                                                                 \
            memcpy(to, from, 16);                                                                                                                \
            memcpy(to + count - 4, from + count - 4, 16);                                                                                        \
        } else {                                                                                                                                 \
            for (int i = 0; i < count; i++) to[i] = from[i];                                                                                     \
        }                                                                                                                                        \
    }
#if defined(__x86_64__)
KEEP(line16, keep_line16)
#endif
KEEP(line8, keep_line8)

/// Window, stride and rows are known where this is inlined: sums and one column of the filter are registers. Sums are taken column by column of the window.
#define FILTER(LINE, NAME)                                                                                                                      \
    APUS_INLINE void NAME(int window, int stride, int rows, const block *b) {                                                                    \
        enum { LANES = sizeof(LINE) / 4 };                                                                                                       \
        int64_t width = b->width, row = b->row, left = b->rows;                                                                                \
        const float *from = b->in - (stride == 1 ? b->padding : b->padding / 2);                                                                 \
        /* The last line ends with the row. */                                                                                                   \
        for (int64_t at = 0;; at = APUS_MIN(at + LANES, width - LANES)) {                                                                        \
            LINE sum[ROWS];                                                                                                                      \
            UNROLLED for (int o = 0; o < rows; o++) sum[o] = b->start - (LINE){0};                                                               \
            const float *next = from + at, *other = next + b->phase;                                                                             \
            if (stride == 2 && b->padding % 2) other = next, next = from + at + b->phase - 1;                                                    \
            APUS_PRAGMA(clang loop unroll(disable))                                                                                              \
            for (int x = 0; x < window; x++) {                                                                                                   \
                const float *in = next;                                                                                                          \
                next = stride == 1 ? in + 1 : other;                                                                                             \
                other = in + 1;                                                                                                                  \
                float tap[7];                                                                                                                    \
                UNROLLED for (int y = 0; y < window; y++) tap[y] = b->weight[y * window + x];                                                    \
                UNROLLED for (int r = 0; r < (rows - 1) * stride + window; r++) {                                                                \
                    LINE v;                                                                                                                      \
                    memcpy(&v, in + r * row, sizeof v);                                                                                          \
                    UNROLLED for (int o = 0; o < rows; o++)                                                                                      \
                        if (r - o * stride >= 0 && r - o * stride < window) sum[o] = sum[o] + v * tap[r - o * stride];                           \
                }                                                                                                                                \
            }                                                                                                                                    \
            /* What is written beyond a narrow row is the next one's, which comes later. */                                                      \
            float *out = b->out + at;                                                                                                            \
            UNROLLED for (int o = 0; o < rows; o++, out += width) {                                                                              \
                if (o >= left) break;                                                                                                            \
                if (b->end - out < LANES) keep_##LINE(&sum[o], (int)width, out);                                                                         \
                else memcpy(out, &sum[o], sizeof(LINE));                                                                                         \
            }                                                                                                                                    \
            if (at + LANES >= width) break;                                                                                                      \
        }                                                                                                                                        \
    }
#if defined(__x86_64__)
FILTER(line16, filter16)
#endif
FILTER(line8, filter8)

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

/// A band to be copied: rows behind their padding, to places that hold zeros.
typedef struct {
    const float *from, *end; // the first row inside, and what nothing may be read behind
    float *to;
    int64_t width, step, rows, phase, row;
} copy;

/// Thirty-two numbers, those of even columns apart from those of odd ones where the stride is 2.
APUS_INLINE void put(int stride, const line16 *pair, float *first, float *second) {
    line16 evens = EVENS(pair[0], pair[1]), odds = ODDS(pair[0], pair[1]);
    memcpy(first, stride == 1 ? &pair[0] : &evens, sizeof evens);
    memcpy(second, stride == 1 ? &pair[1] : &odds, sizeof odds);
}

/// The first sixteen of them.
APUS_INLINE void put_few(int stride, const line16 *line, float *first, float *second) {
    line16 split = __builtin_shufflevector(*line, *line, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    if (stride == 1) {
        memcpy(first, line, sizeof *line);
    } else {
        memcpy(first, &split, sizeof split / 2);
        memcpy(second, (const float *)&split + 8, sizeof split / 2);
    }
}

APUS_INLINE void copy_rows(int stride, const copy *c) {
    static const count16 LANES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    int64_t whole = c->width / 32 * 32, left = c->width - whole, row = c->row, step = c->step;
    float *first = c->to, *second = first + (stride == 1 ? 16 : c->phase);
    count16 inside[2] = {(count16)(LANES < (count16){0} + (uint32_t)left), (count16)(LANES + 16 < (count16){0} + (uint32_t)left)};
    const float *from = c->from;
    for (int64_t r = c->rows; r > 0; r--, from += step, first += row, second += row) {
        line16 pair[2];
        for (int64_t x = 0; x < whole; x += 32) {
            memcpy(pair, from + x, sizeof pair);
            put(stride, pair, first + x / stride, second + x / stride);
        }
        if (left == 0) continue;
        if (c->end - from - whole >= 32) {
            memcpy(pair, from + whole, sizeof pair);
            for (int i = 0; i < 2; i++) pair[i] = (line16)((count16)pair[i] & inside[i]);
        } else {
            float last[32] = {0};
            for (int64_t i = 0; i < left; i++) last[i] = from[whole + i];
            memcpy(pair, last, sizeof pair);
        }
        if (left <= 16) put_few(stride, &pair[0], first + whole / stride, second + whole / stride);
        else put(stride, pair, first + whole / stride, second + whole / stride);
    }
}

typedef void (*block_function)(const block *block);

/// By window (3, 5, 7), stride, and whether rows are few.
typedef struct {
    int lanes;
    void (*copy[2])(const copy *copy);
    block_function of[3][2][2];
} kernels;

#define KERNEL(LEVEL, LINE, WINDOW, STRIDE)                                                                                                     \
    LEVEL##_TARGET static void LEVEL##_##LINE##_##WINDOW##_##STRIDE(const block *b) { LINE(WINDOW, STRIDE, ROWS, b); }                           \
    LEVEL##_TARGET static void LEVEL##_##LINE##_##WINDOW##_##STRIDE##_few(const block *b) { LINE(WINDOW, STRIDE, FEW_ROWS, b); }
#define ENTRIES(LEVEL, LINE, WINDOW, STRIDE) {LEVEL##_##LINE##_##WINDOW##_##STRIDE, LEVEL##_##LINE##_##WINDOW##_##STRIDE##_few}
#define WINDOWS(LEVEL, LINE, LANES)                                                                                                             \
    KERNEL(LEVEL, LINE, 3, 1) KERNEL(LEVEL, LINE, 3, 2) KERNEL(LEVEL, LINE, 5, 1) KERNEL(LEVEL, LINE, 5, 2)                                      \
    KERNEL(LEVEL, LINE, 7, 1) KERNEL(LEVEL, LINE, 7, 2)                                                                                          \
    static const kernels LEVEL##_##LINE = {LANES, {LEVEL##_copy_1, LEVEL##_copy_2}, {{ENTRIES(LEVEL, LINE, 3, 1), ENTRIES(LEVEL, LINE, 3, 2)},                                      \
        {ENTRIES(LEVEL, LINE, 5, 1), ENTRIES(LEVEL, LINE, 5, 2)}, {ENTRIES(LEVEL, LINE, 7, 1), ENTRIES(LEVEL, LINE, 7, 2)}}};

#define COPIES(LEVEL)                                                                                                                           \
    LEVEL##_TARGET static void LEVEL##_copy_1(const copy *c) { copy_rows(1, c); }                                                                \
    LEVEL##_TARGET static void LEVEL##_copy_2(const copy *c) { copy_rows(2, c); }

#if defined(__x86_64__)
#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
COPIES(V4)
WINDOWS(V4, filter16, 16)
WINDOWS(V4, filter8, 8)
#define V3_TARGET __attribute__((target("arch=x86-64-v3")))
COPIES(V3)
WINDOWS(V3, filter8, 8)
#endif
#define BASE_TARGET
COPIES(BASE)
WINDOWS(BASE, filter8, 8)

static const kernels *kernels_for(int64_t width) {
#if defined(__x86_64__)
    static _Atomic int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level < 0) {
        level = strcmp(apus_cpu_level(), "avx512") == 0 ? 2 : strcmp(apus_cpu_level(), "avx2") == 0 ? 1 : 0;
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    if (level == 2) return width > 8 ? &V4_filter16 : &V4_filter8;
    if (level == 1) return &V3_filter8;
#endif
    (void)width;
    return &BASE_filter8;
}

typedef struct {
    const apus_conv *conv;
    const apus_conv_shape *shape;
    const float *in, *end, *weight, *bias;
    float *out;
    apus_epilogue after;
    void *context;
    const kernels *kernels;
    int64_t width;                        // columns of the input that any window sees
    int64_t band, bands, rows;            // rows of results to a band, bands of a plane, copied rows of a band
    int64_t phase, row, floats, together; // elements of a row's phase, of a row, of a band; bands that are copied together
    _Atomic int status;
} job;

/// Copies a band with its padding. Where it is all of a plane, rows outside hold zeros still.
static void fill(const job *j, int64_t plane, int64_t first, float *to) {
    const apus_conv *c = j->conv;
    int64_t origin = first * c->stride[1] - c->padding[1], low = APUS_MIN(j->rows, APUS_MAX(0, -origin)), high = APUS_MAX(low, APUS_MIN(j->rows, c->in_size[1] - origin));
    if (j->bands > 1) {
        memset(to, 0, (size_t)(low * j->row) * 4);
        memset(to + high * j->row, 0, (size_t)((j->rows - high) * j->row) * 4);
    }
    copy rows = {j->in + plane * j->shape->in_plane + (origin + low) * c->in_size[2], j->end, to + low * j->row + LEAD, j->width, c->in_size[2], high - low, j->phase, j->row};
    j->kernels->copy[c->stride[2] - 1](&rows);
}

/// Results of one channel in a band.
static void run_band(const job *j, const float *band, int64_t channel, int64_t rows, float *out, const float *end) {
    const apus_conv *c = j->conv;
    const block_function *of = j->kernels->of[(c->kernel[1] - 3) / 2][c->stride[1] - 1];
    block b = {.weight = j->weight + channel * j->shape->window, .row = j->row, .phase = j->phase, .start = j->bias ? j->bias[channel] : 0, .padding = (int)c->padding[2],  .width = c->out_size[2], .end = end};
    for (int64_t y = 0, taken; y < rows; y += taken) {
        taken = APUS_MIN(rows - y, ROWS);
        b.in = band + y * c->stride[1] * j->row + LEAD;
        b.out = out + y * b.width;
        b.rows = (int)taken;
        of[taken <= FEW_ROWS](&b);
    }
}

static void range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv *c = j->conv;
    int64_t multiple = j->shape->group_out, bytes = j->together * j->floats * 4;
    float *copied = apus_allocate(bytes);
    if (!copied) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    memset(copied, 0, (size_t)bytes);
    int64_t plane = begin / j->bands, band = begin % j->bands, out_plane = j->shape->out_plane;
    // Bands are done in the order of their results, except where a plane has several results and several bands.
    bool is_ordered = multiple == 1 || j->bands == 1;
    const float *last = j->out + end / j->bands * multiple * out_plane + end % j->bands * j->band * c->out_size[2];
    for (int64_t left = end - begin, count; left > 0; left -= count) {
        count = APUS_MIN(left, j->together);
        int64_t from = plane;
        for (int64_t i = 0, p = plane, b = band; i < count; i++) {
            fill(j, p, b * j->band, copied + i * j->floats);
            if (++b == j->bands) b = 0, p++;
        }
        for (int64_t i = 0; i < count; i++) {
            int64_t first = band * j->band, rows = APUS_MIN(j->band, c->out_size[1] - first), channel = plane % c->groups * multiple;
            for (int64_t o = 0; o < multiple; o++) {
                float *out = j->out + (plane * multiple + o) * out_plane + first * c->out_size[2];
                run_band(j, copied + i * j->floats, channel + o, rows, out, is_ordered ? last : out + rows * c->out_size[2]);
            }
            if (j->after && j->bands > 1) j->after(j->context, plane * multiple, multiple, first * c->out_size[2], rows * c->out_size[2]);
            if (++band == j->bands) band = 0, plane++;
        }
        if (j->after && j->bands == 1) j->after(j->context, from * multiple, count * multiple, 0, out_plane);
    }
    apus_free(copied);
}

bool apus_conv_suits_bands(const apus_conv *c, const apus_conv_shape *s) {
    bool suits = s->depthwise && c->in_size[0] == 1 && c->out_size[0] == 1 && c->kernel[0] == 1 && c->padding[0] == 0;
    suits &= c->kernel[1] == c->kernel[2] && (c->kernel[1] == 3 || c->kernel[1] == 5 || c->kernel[1] == 7) && c->stride[1] == c->stride[2] && c->stride[1] <= 2;
    for (int d = 1; d < 3; d++) suits &= c->dilation[d] == 1 && c->padding[d] < c->kernel[d];
    return suits;
}

int apus_conv_bands(const apus_conv *c, const apus_conv_shape *s, const float *in, const float *weight, const float *bias, apus_epilogue after, void *context, float *out) {
    if (c->batch == 0 || s->out_plane == 0 || c->out_channels == 0) return APUS_OK;
    if (apus_conv_suits_strips(c)) return apus_conv_strips(c, s, in, weight, bias, after, context, out);
    int64_t planes = c->batch * c->groups, stride = c->stride[1], window = c->kernel[1], width = c->out_size[2];
    job j = {.conv = c, .shape = s, .in = in, .end = in + planes * s->in_plane, .weight = weight, .bias = bias, .out = out, .after = after, .context = context, .kernels = kernels_for(width)};
    j.width = APUS_MAX(0, APUS_MIN(c->in_size[2], (width - 1) * stride + window - c->padding[2]));
    // A phase holds its lines of windows, and whole lines of what is copied.
    int64_t lines = APUS_MAX(width, j.kernels->lanes) + window / stride, copied = (j.width + 15) / 16 * 16 / stride;
    j.phase = (LEAD + APUS_MAX(lines, copied) + 15) / 16 * 16;
    j.row = j.phase * stride;
    int64_t fits = BAND_FLOATS / j.row - window;
    j.band = APUS_MIN(c->out_size[1], APUS_MAX(1, fits / stride / ROWS) * ROWS);
    j.bands = (c->out_size[1] - 1) / j.band + 1;
    j.rows = (j.band - 1) * stride + window;
    // Few rows beyond the last are summed up as well, and dropped.
    j.floats = (j.rows + (ROWS - 1) * stride) * j.row;
    j.together = APUS_MAX(1, BAND_FLOATS / j.floats);
    int64_t work = j.band * width * s->window * s->group_out;
    apus_parallel_for(planes * j.bands, TASK_WORK / work + 1, range, &j);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
