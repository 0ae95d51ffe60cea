/// 3 x 3 convolutions of stride 1 with fewer multiplications (Winograd's F(m x m, 3 x 3), m = 2 or 4).
///
/// Inputs are cut into overlapping tiles d of m + 2 by m + 2, and each m x m outputs are Y = A^T ((G g G^T) * (B^T d B)) A, where * is elementwise: (m + 2)^2 matrix
/// products over channels. F(2 x 2) has the factors 0, 1 and 1/2 only, and errors close to those of the direct form. F(4 x 4) interpolates at 0, +-a, +-b and
/// infinity with a = sqrt(1/2), b = sqrt(2), where its factors are smaller than at the usual 1 and 2; each of its results is within 64 units of rounding of
/// the sum of all its products' sizes, in practice within a few. A NaN or an infinity in a tile reaches all of the tile's outputs.
#include "winograd.h"
#include "tile.h"
#include <stdatomic.h>

enum {
    LANES = APUS_CONV_LANES,
    ROWS = APUS_CONV_ROWS,
    GROUP = LANES * APUS_CONV_VECTORS,
    CHUNK_FLOATS = 1 << 18, // of transformed input at a time
    OWN_FLOATS = 1 << 16,   // of a chunk that a thread has for itself
    KEPT_FLOATS = 1 << 17,  // of weights that stay in a core's second-level cache beside it
    MOST_PANELS = 4,        // of output channels to a task
    MIN_TASKS = 8,
};

typedef float line16 __attribute__((vector_size(64), aligned(4)));
typedef uint32_t count16 __attribute__((vector_size(64), aligned(4)));

typedef struct {
    const apus_conv *conv;
    const float *in, *packed, *bias;
    float *out, *transformed; // one chunk: [blocks of tiles][k][channel][lane]
    apus_epilogue after;
    void *context;
    int m;                          // outputs of a tile in each direction
    int64_t tiles_x, tiles_y;       // of one sample
    int64_t first_row, rows, tiles; // of the chunk, of all samples' rows of tiles in one sequence
    int64_t chunk, all_rows;        // rows to a chunk, of all samples
    int64_t panels;                 // of output channels, to a task
    const int64_t *offsets;
    _Atomic int *status; // of all tasks
} job;

static int64_t panel_count(const apus_conv *c) { return (c->out_channels + ROWS - 1) / ROWS; }

int64_t apus_conv_winograd_size(const apus_conv *c, int m) {
    int64_t floats;
    if (__builtin_mul_overflow(panel_count(c) * ROWS, c->in_channels, &floats) || floats > INT64_MAX / 4 / 36) return -1;
    return floats * (m + 2) * (m + 2) * 4;
}

typedef struct {
    const apus_conv *conv;
    int m;
    const float *weight;
    float *packed;
} packing;

/// G g of one column g of a filter, for the panel's channels.
APUS_INLINE void transform_taps(int m, const double *g0, const double *g1, const double *g2, int64_t step, double *to) {
    for (int i = 0; i < ROWS; i++) {
        double a = g0[i], b = g1[i], c = g2[i];
        if (m == 2) {
            to[i] = a;
            to[step + i] = 0.5 * (a + b + c);
            to[2 * step + i] = 0.5 * (a - b + c);
            to[3 * step + i] = c;
        } else {
            double inner = a + 0.5 * c, outer = a + 2 * c;
            to[i] = a;
            to[step + i] = (inner + M_SQRT1_2 * b) * (-2.0 / 3);
            to[2 * step + i] = (inner - M_SQRT1_2 * b) * (-2.0 / 3);
            to[3 * step + i] = (outer + M_SQRT2 * b) * (1.0 / 6);
            to[4 * step + i] = (outer - M_SQRT2 * b) * (1.0 / 6);
            to[5 * step + i] = c;
        }
    }
}

APUS_INLINE void pack_panels(const packing *p, int m, int64_t begin, int64_t end) {
    int64_t channels = p->conv->in_channels;
    int side = m + 2;
    for (int64_t panel = begin; panel < end; panel++) {
        int64_t first = panel * ROWS, count = APUS_MIN(ROWS, p->conv->out_channels - first);
        float *to = p->packed + panel * side * side * channels * ROWS;
        double g[9 * ROWS] = {0}, half[6 * 3 * ROWS], whole[36 * ROWS];
        for (int64_t c = 0; c < channels; c++, to += ROWS) {
            for (int64_t i = 0; i < count; i++)
                for (int t = 0; t < 9; t++) g[t * ROWS + i] = p->weight[((first + i) * channels + c) * 9 + t];
            for (int x = 0; x < 3; x++) transform_taps(m, g + x * ROWS, g + (3 + x) * ROWS, g + (6 + x) * ROWS, 3 * ROWS, half + x * ROWS);
            for (int r = 0; r < side; r++) transform_taps(m, half + r * 3 * ROWS, half + (r * 3 + 1) * ROWS, half + (r * 3 + 2) * ROWS, ROWS, whole + r * side * ROWS);
            for (int k = 0; k < side * side; k++)
                for (int i = 0; i < ROWS; i++) to[k * channels * ROWS + i] = (float)whole[k * ROWS + i];
        }
    }
}

APUS_CLONES static void pack_range(void *context, int64_t begin, int64_t end) {
    const packing *p = context;
    if (p->m == 2) pack_panels(p, 2, begin, end);
    else pack_panels(p, 4, begin, end);
}

void apus_conv_winograd_pack(const apus_conv *conv, int m, const float *weight, float *packed) {
    packing p = {conv, m, weight, packed};
    apus_parallel_for(panel_count(conv), 512 / (conv->in_channels + 1) + 1, pack_range, &p);
}

/// Tiles of one row of tiles within a block of LANES: `count` from column `x` on, in lanes from `lane` on.
typedef struct {
    int64_t sample, y, x;
    int count, lane;
} segment;

/// The segments of block `block` of the chunk.
static int find_segments(const job *j, int64_t block, segment *segments) {
    int count = 0;
    for (int64_t tile = block * LANES, end = APUS_MIN(tile + LANES, j->tiles); tile < end;) {
        int64_t row = j->first_row + tile / j->tiles_x, x = tile % j->tiles_x, n = APUS_MIN(j->tiles_x - x, end - tile);
        segments[count++] = (segment){row / j->tiles_y, row % j->tiles_y, x, (int)n, (int)(tile % LANES)};
        tile += n;
    }
    return count;
}

#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// Not functions: lines of sixteen are passed in registers on some processors only.
#define LOAD(v, from) memcpy(&(v), from, sizeof(line16))
#define STORE(v, to) memcpy(to, &(v), sizeof(line16))

/// Sixteen values of a row from column `x` on, zeros outside of it.
#define LOAD_INSIDE(v, row, x, width)                                                                                                           \
    do {                                                                                                                                        \
        LOAD(v, (row) + (x));                                                                                                                   \
        v = (line16)((count16)v & (count16)(LANE_NUMBERS + (uint32_t)(x) < (count16){0} + (uint32_t)(width)));                                   \
    } while (0)

/// Every m-th value of a row from column x on, from the first m and the two after them on, to m + 2 rows of lanes: as many from `lane` on as there are
/// tiles. Reads 16 m values from column x on.
APUS_INLINE void spread(int m, const float *row, int64_t x, int64_t width, int lane, int count, float *to, int64_t step) {
    static const count16 LANE_NUMBERS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    line16 phase[4], a, b, c, d;
    LOAD_INSIDE(a, row, x, width);
    LOAD_INSIDE(b, row, x + LANES, width);
    if (m == 2) {
        phase[0] = EVENS(a, b);
        phase[1] = ODDS(a, b);
    } else {
        LOAD_INSIDE(c, row, x + 2 * LANES, width);
        LOAD_INSIDE(d, row, x + 3 * LANES, width);
        line16 even[2] = {EVENS(a, b), EVENS(c, d)}, odd[2] = {ODDS(a, b), ODDS(c, d)};
        phase[0] = EVENS(even[0], even[1]);
        phase[1] = EVENS(odd[0], odd[1]);
        phase[2] = ODDS(even[0], even[1]);
        phase[3] = ODDS(odd[0], odd[1]);
    }
    for (int i = 0; i < m; i++) STORE(phase[i], to + i * step + lane);
    // The last two columns are the next tile's first two.
    for (int i = 0; i < 2; i++) {
        float *at = to + (m + i) * step + lane, before = at[-1];
        STORE(phase[i], at - 1);
        at[-1] = before;
        int64_t last = x + m * count + i;
        at[count - 1] = last >= 0 && last < width ? row[last] : 0;
    }
}

/// B^T d of one column d.
APUS_INLINE void transform_column(int m, const line16 *d, line16 *t) {
    if (m == 2) {
        t[0] = d[0] - d[2];
        t[1] = d[1] + d[2];
        t[2] = d[2] - d[1];
        t[3] = d[1] - d[3];
    } else {
        const float a = (float)M_SQRT1_2, b = (float)M_SQRT2;
        line16 inner = d[4] - 2.0f * d[2], inner_odd = d[3] - 2.0f * d[1], outer = d[4] - 0.5f * d[2], outer_odd = d[3] - 0.5f * d[1];
        t[0] = d[0] + d[4] - 2.5f * d[2];
        t[1] = inner + a * inner_odd;
        t[2] = inner - a * inner_odd;
        t[3] = outer + b * outer_odd;
        t[4] = outer - b * outer_odd;
        t[5] = d[1] + d[5] - 2.5f * d[3];
    }
}

/// A^T y of one column y.
APUS_INLINE void gather_column(int m, const line16 *y, line16 *t) {
    if (m == 2) {
        t[0] = y[0] + y[1] + y[2];
        t[1] = y[1] - y[2] - y[3];
    } else {
        const float a = (float)M_SQRT1_2, b = (float)M_SQRT2;
        line16 sum = y[1] + y[2], difference = y[1] - y[2], outer_sum = y[3] + y[4], outer_difference = y[3] - y[4];
        t[0] = y[0] + sum + outer_sum;
        t[1] = a * difference + b * outer_difference;
        t[2] = 0.5f * sum + 2.0f * outer_sum;
        t[3] = 0.5f * a * difference + 2.0f * b * outer_difference + y[5];
    }
}

/// B^T d B of a block of tiles.
APUS_INLINE void transform_tiles(int m, int64_t channels, const float *d, int64_t step, float *to) {
    const int side = m + 2;
    line16 half[36];
    for (int x = 0; x < side; x++) {
        line16 column[6], t[6];
        for (int r = 0; r < side; r++) LOAD(column[r], d + (r * side + x) * step);
        transform_column(m, column, t);
        for (int r = 0; r < side; r++) half[r * side + x] = t[r];
    }
    for (int r = 0; r < side; r++) {
        line16 t[6];
        transform_column(m, half + r * side, t);
        for (int x = 0; x < side; x++) STORE(t[x], to + (r * side + x) * channels * LANES);
    }
}

/// Planes of at most PLANE by PLANE numbers with their padding, each in a square of its own.
enum { PLANE = 16, PLANE_FLOATS = PLANE * PLANE };

static bool is_small(const job *j) {
    const apus_conv *c = j->conv;
    bool small = j->tiles_x * j->m + 2 <= PLANE && j->tiles_y * j->m + 2 <= PLANE;
    for (int d = 1; d < 3; d++) small &= c->in_size[d] + c->padding[d] <= PLANE;
    return small;
}

/// Where the lanes of a block have their tiles, in the squares of the samples from the first one on.
static void find_tiles(const job *j, const segment *segments, int count, const float *squares, const float **tiles) {
    for (int lane = 0; lane < LANES; lane++) tiles[lane] = squares;
    for (int s = 0; s < count; s++)
        for (int i = 0; i < segments[s].count; i++)
            tiles[segments[s].lane + i] = squares + (segments[s].sample - segments[0].sample) * PLANE_FLOATS + segments[s].y * j->m * PLANE + (segments[s].x + i) * j->m;
}

#define FOURS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define FOURS_HIGH(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)

/// The same as `transform_block` where planes are small: rows of tiles are read one by one and transposed, eight columns of sixteen tiles at a time.
APUS_INLINE void transform_small(const job *j, int m, const segment *segments, int count, const float *const *tiles, int64_t channel, float *squares, float *to) {
    static const count16 LANE_NUMBERS = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const apus_conv *c = j->conv;
    const int side = m + 2;
    int64_t width = c->in_size[2], height = c->in_size[1], samples = segments[count - 1].sample - segments[0].sample + 1;
    const float *end = j->in + c->batch * c->in_channels * height * width;
    for (int64_t s = 0; s < samples; s++) {
        const float *row = j->in + ((segments[0].sample + s) * c->in_channels + channel) * height * width;
        float *square = squares + s * PLANE_FLOATS + c->padding[1] * PLANE + c->padding[2];
        // Zeros behind a row are the next one's padding.
        for (int64_t y = 0; y < height; y++, row += width, square += PLANE) {
            line16 v;
            if (end - row >= LANES) {
                LOAD_INSIDE(v, row, 0, width);
                STORE(v, square);
            } else {
                for (int64_t x = 0; x < width; x++) square[x] = row[x];
            }
        }
    }
    float d[36 * LANES];
    for (int r = 0; r < side; r++) {
        line16 a[8], b[8];
        for (int i = 0; i < 8; i++) {
            float pair[16];
            memcpy(pair, tiles[i] + r * PLANE, 32);
            memcpy(pair + 8, tiles[i + 8] + r * PLANE, 32);
            LOAD(a[i], pair);
        }
        for (int i = 0; i < 8; i += 2) b[i] = APUS_CONV_ONES_LOW(a[i], a[i + 1]), b[i + 1] = APUS_CONV_ONES_HIGH(a[i], a[i + 1]);
        for (int i = 0; i < 8; i += 4) {
            a[i] = APUS_CONV_TWOS_LOW(b[i], b[i + 2]), a[i + 1] = APUS_CONV_TWOS_HIGH(b[i], b[i + 2]);
            a[i + 2] = APUS_CONV_TWOS_LOW(b[i + 1], b[i + 3]), a[i + 3] = APUS_CONV_TWOS_HIGH(b[i + 1], b[i + 3]);
        }
        for (int x = 0; x < side; x++) {
            line16 column = x < 4 ? FOURS_LOW(a[x % 4], a[x % 4 + 4]) : FOURS_HIGH(a[x % 4], a[x % 4 + 4]);
            STORE(column, d + (r * side + x) * LANES);
        }
    }
    transform_tiles(m, c->in_channels, d, LANES, to);
}

/// B^T d B of one channel for a block of tiles.
APUS_INLINE void transform_block(const job *j, int m, const segment *segments, int count, int64_t channel, float *to) {
    enum { STEP = 3 * LANES }; // room for what is written beside the lanes that are used
    const apus_conv *c = j->conv;
    const int side = m + 2;
    int64_t width = c->in_size[2], height = c->in_size[1];
    const float *end = j->in + c->batch * c->in_channels * height * width;
    float spreads[36 * STEP], edge[6 * LANES] = {0};
    if (segments[count - 1].lane + segments[count - 1].count < LANES) memset(spreads, 0, sizeof spreads);
    for (int s = 0; s < count; s++) {
        const float *plane = j->in + (segments[s].sample * c->in_channels + channel) * height * width;
        int64_t x = m * segments[s].x - c->padding[2];
        for (int r = 0; r < side; r++) {
            int64_t y = m * segments[s].y + r - c->padding[1], at = x, seen = y >= 0 && y < height ? width : 0;
            const float *row = plane + (seen ? y * width : 0);
            if (seen && (row - j->in + x < 0 || end - row - x < m * LANES)) {
                // Near the ends of the input: from a copy, whose column 0 is the first that the segment sees.
                int64_t low = APUS_MIN(width, APUS_MAX(0, x));
                seen = APUS_MIN(width - low, m * segments[s].count + 2);
                memcpy(edge + LANES, row + low, (size_t)seen * 4);
                row = edge + LANES;
                at = x - low;
            }
            if (!seen) row = edge + LANES, at = 0;
            spread(m, row, at, seen, segments[s].lane, segments[s].count, spreads + LANES + r * side * STEP, STEP);
        }
    }
    transform_tiles(m, c->in_channels, spreads + LANES, STEP, to);
}

APUS_CLONES static void transform_blocks(const job *j, int64_t begin, int64_t end) {
    int64_t channels = j->conv->in_channels, block = -1;
    int products = (j->m + 2) * (j->m + 2), count = 0;
    bool small = is_small(j);
    segment segments[LANES];
    const float *tiles[LANES];
    // Padding stays zero from channel to channel. The last tile's row of eight ends behind its square.
    float squares[LANES * PLANE_FLOATS + LANES];
    if (small) memset(squares, 0, sizeof squares);
    for (int64_t i = begin; i < end; i++) {
        int64_t channel = i % channels;
        if (i / channels != block) {
            block = i / channels;
            count = find_segments(j, block, segments);
            if (small) find_tiles(j, segments, count, squares, tiles);
        }
        float *to = j->transformed + (block * products * channels + channel) * LANES;
        if (small && j->m == 2) transform_small(j, 2, segments, count, tiles, channel, squares, to);
        else if (small) transform_small(j, 4, segments, count, tiles, channel, squares, to);
        else if (j->m == 2) transform_block(j, 2, segments, count, channel, to);
        else transform_block(j, 4, segments, count, channel, to);
    }
}

static void transform_range(void *context, int64_t begin, int64_t end) { transform_blocks(context, begin, end); }

/// A^T y A of one channel for a block of tiles, to their places in the result.
APUS_INLINE void gather_block(const job *j, int m, const segment *segments, int count, int64_t channel, const float *y, int64_t step) {
    const apus_conv *c = j->conv;
    const int side = m + 2;
    line16 half[24], bias = (line16){0} + (j->bias ? j->bias[channel] : 0.0f);
    for (int x = 0; x < side; x++) {
        line16 d[6], t[4];
        for (int r = 0; r < side; r++) LOAD(d[r], y + (r * side + x) * step);
        gather_column(m, d, t);
        for (int r = 0; r < m; r++) half[r * side + x] = t[r];
    }
    for (int r = 0; r < m; r++) {
        line16 t[4];
        float line[4 * LANES];
        gather_column(m, half + r * side, t);
        for (int x = 0; x < m; x++) t[x] += bias;
        if (m == 2) {
            line16 pair[2] = {ZIP_LOW(t[0], t[1]), ZIP_HIGH(t[0], t[1])};
            memcpy(line, pair, sizeof pair);
        } else {
            line16 even[2] = {ZIP_LOW(t[0], t[2]), ZIP_HIGH(t[0], t[2])}, odd[2] = {ZIP_LOW(t[1], t[3]), ZIP_HIGH(t[1], t[3])};
            line16 all[4] = {ZIP_LOW(even[0], odd[0]), ZIP_HIGH(even[0], odd[0]), ZIP_LOW(even[1], odd[1]), ZIP_HIGH(even[1], odd[1])};
            memcpy(line, all, sizeof all);
        }
        for (int s = 0; s < count; s++) {
            int64_t row = m * segments[s].y + r, x = m * segments[s].x, n = APUS_MIN(m * segments[s].count, c->out_size[2] - x);
            if (row >= c->out_size[1]) continue;
            float *to = j->out + ((segments[s].sample * c->out_channels + channel) * c->out_size[1] + row) * c->out_size[2] + x;
            const float *from = line + m * segments[s].lane;
            apus_conv_put(from, n, to);
        }
    }
}

APUS_CLONES static void gather_blocks(const job *j, int64_t block, int64_t blocks, int64_t channel, int64_t channels, const float *y) {
    segment segments[LANES];
    for (int64_t b = 0; b < blocks; b++) {
        int count = find_segments(j, block + b, segments);
        for (int64_t c = 0; c < channels; c++) {
            const float *from = y + c * GROUP + b * LANES;
            if (j->m == 2) gather_block(j, 2, segments, count, channel + c, from, j->panels * ROWS * GROUP);
            else gather_block(j, 4, segments, count, channel + c, from, j->panels * ROWS * GROUP);
        }
    }
}

/// Products and results of some tasks' output channels, for the whole chunk.
static void multiply(const job *j, int64_t begin, int64_t end, float *y) {
    const apus_conv *c = j->conv;
    int64_t products = (j->m + 2) * (j->m + 2), blocks = (j->tiles + LANES - 1) / LANES;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task * j->panels, panels = APUS_MIN(j->panels, panel_count(c) - panel), channel = panel * ROWS, channels = APUS_MIN(panels * ROWS, c->out_channels - channel);
        for (int64_t block = 0; block < blocks; block += APUS_CONV_VECTORS) {
            int64_t taken = APUS_MIN(APUS_CONV_VECTORS, blocks - block);
            apus_conv_tile t = {.depth = c->in_channels, .weight_step = ROWS, .offsets = j->offsets, .step = products * c->in_channels * LANES, .out_stride = GROUP, .rows = ROWS, .vectors = (int)taken};
            for (int64_t k = 0; k < products; k++)
                for (int64_t p = 0; p < panels; p++) {
                    t.in = j->transformed + (block * products + k) * c->in_channels * LANES;
                    t.weight = j->packed + ((panel + p) * products + k) * c->in_channels * ROWS;
                    t.out = y + (k * j->panels + p) * ROWS * GROUP;
                    apus_conv_run_tile(&t);
                }
            gather_blocks(j, block, taken, channel, channels, y);
        }
        for (int64_t row = j->first_row; j->after && row < j->first_row + j->rows;) {
            int64_t sample = row / j->tiles_y, first = row % j->tiles_y, count = APUS_MIN(j->tiles_y - first, j->first_row + j->rows - row);
            int64_t from = first * j->m, to = APUS_MIN((first + count) * j->m, c->out_size[1]);
            j->after(j->context, sample * c->out_channels + channel, channels, from * c->out_size[2], (to - from) * c->out_size[2]);
            row += count;
        }
    }
}

static float *product_scratch(job *j) {
    float *y = apus_allocate((j->m + 2) * (j->m + 2) * j->panels * ROWS * GROUP * 4);
    if (!y) atomic_store_explicit(j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
    return y;
}

static void multiply_range(void *context, int64_t begin, int64_t end) {
    float *y = product_scratch(context);
    if (y) multiply(context, begin, end, y);
    apus_free(y);
}

static void begin_chunk(job *j, int64_t chunk) {
    j->first_row = chunk * j->chunk;
    j->rows = APUS_MIN(j->chunk, j->all_rows - j->first_row);
    j->tiles = j->rows * j->tiles_x;
}

static int64_t task_count(const job *j) { return (panel_count(j->conv) - 1) / j->panels + 1; }

static float *transformed_scratch(job *j) {
    int64_t blocks = (j->chunk * j->tiles_x - 1) / LANES + 1;
    float *floats = apus_allocate(blocks * (j->m + 2) * (j->m + 2) * j->conv->in_channels * LANES * 4);
    if (!floats) atomic_store_explicit(j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
    return floats;
}

/// All of some chunks: what a thread transforms, it multiplies itself.
static void chunk_range(void *context, int64_t begin, int64_t end) {
    job *all = context, j = *all;
    float *y = product_scratch(all);
    j.transformed = transformed_scratch(all);
    for (int64_t chunk = begin; y && j.transformed && chunk < end; chunk++) {
        begin_chunk(&j, chunk);
        transform_blocks(&j, 0, ((j.tiles - 1) / LANES + 1) * j.conv->in_channels);
        multiply(&j, 0, task_count(&j), y);
    }
    apus_free(j.transformed);
    apus_free(y);
}

bool apus_conv_allows_winograd(const apus_conv *c) {
    bool allows = c->groups == 1 && c->kernel[0] == 1 && c->kernel[1] == 3 && c->kernel[2] == 3 && c->in_size[0] == 1 && c->out_size[0] == 1 && c->padding[0] == 0;
    for (int d = 0; d < 3; d++) allows &= c->stride[d] == 1 && c->dilation[d] == 1 && c->padding[d] <= 2;
    return allows && c->in_size[2] <= INT32_MAX; // lanes compare columns in 32 bits
}

int apus_conv_winograd(const apus_conv *c, int m, const float *in, const float *packed, const float *bias, apus_epilogue after, void *context, float *out) {
    if (c->batch == 0 || c->out_channels == 0 || c->out_size[1] == 0 || c->out_size[2] == 0) return APUS_OK;
    _Atomic int status = APUS_OK;
    job j = {.conv = c, .in = in, .packed = packed, .bias = bias, .out = out, .after = after, .context = context, .m = m, .status = &status};
    j.tiles_x = (c->out_size[2] - 1) / m + 1;
    j.tiles_y = (c->out_size[1] - 1) / m + 1;
    j.all_rows = c->batch * j.tiles_y;
    j.panels = APUS_MAX(1, APUS_MIN(MOST_PANELS, panel_count(c) / MIN_TASKS));
    int64_t row_floats = (m + 2) * (m + 2) * APUS_MAX(1, c->in_channels) * j.tiles_x, least = (GROUP - 1) / j.tiles_x + 1;
    j.chunk = APUS_MIN(j.all_rows, APUS_MAX(least, OWN_FLOATS / row_floats));
    bool is_own = (m + 2) * (m + 2) * c->in_channels * panel_count(c) * ROWS <= KEPT_FLOATS && j.all_rows / j.chunk >= 2 * apus_num_threads();
    if (!is_own) j.chunk = APUS_MAX(1, APUS_MIN(j.all_rows, APUS_MAX(GROUP / j.tiles_x, CHUNK_FLOATS / row_floats)));
    int64_t *offsets = apus_allocate(c->in_channels * (int64_t)sizeof(int64_t)), chunks = (j.all_rows - 1) / j.chunk + 1;
    if (!offsets) status = APUS_OUT_OF_MEMORY;
    for (int64_t i = 0; offsets && i < c->in_channels; i++) offsets[i] = i * LANES;
    j.offsets = offsets;
    if (offsets && is_own) apus_parallel_for(chunks, 1, chunk_range, &j);
    else j.transformed = transformed_scratch(&j);
    for (int64_t chunk = 0; !is_own && chunk < chunks && atomic_load_explicit(&status, memory_order_relaxed) == APUS_OK; chunk++) {
        begin_chunk(&j, chunk);
        apus_parallel_for(((j.tiles - 1) / LANES + 1) * c->in_channels, 64, transform_range, &j);
        apus_parallel_for(task_count(&j), 1, multiply_range, &j);
    }
    apus_free(offsets);
    apus_free(j.transformed);
    return atomic_load_explicit(&status, memory_order_relaxed);
}
