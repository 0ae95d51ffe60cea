/// 3 x 3 convolutions of stride 1 with 16 instead of 36 multiplications for each 2 x 2 outputs (Winograd's F(2 x 2, 3 x 3)).
///
/// Inputs are cut into overlapping 4 x 4 tiles d, and Y = A^T ((G g G^T) * (B^T d B)) A, where * is elementwise: sixteen matrix products over channels.
/// All factors are 0, 1 and 1/2, so that errors stay close to those of the direct form.
#include "../matmul/panels.h"
#include "convolution.h"
#include <stdatomic.h>

typedef struct {
    const apus_conv *conv;
    const float *in, *weight, *bias;
    float *out, *transformed; // transformed weights: [16][out_channels][in_channels]
    int64_t tiles_x, tiles_y, rows_per_task, tasks_per_sample;
    _Atomic int status;
} job;

/// G g G^T for the filters of output channels begin ..< end.
static void weights_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    int64_t in = j->conv->in_channels, plane = in * j->conv->out_channels;
    for (int64_t f = begin * in; f < end * in; f++) {
        const float *g = j->weight + f * 9;
        float half[4][3];
        for (int c = 0; c < 3; c++) {
            float a = g[c], b = g[3 + c], d = g[6 + c];
            half[0][c] = a;
            half[1][c] = 0.5f * (a + b + d);
            half[2][c] = 0.5f * (a - b + d);
            half[3][c] = d;
        }
        for (int r = 0; r < 4; r++) {
            float a = half[r][0], b = half[r][1], d = half[r][2];
            float *to = j->transformed + (int64_t)(4 * r) * plane + f;
            to[0] = a;
            to[plane] = 0.5f * (a + b + d);
            to[2 * plane] = 0.5f * (a - b + d);
            to[3 * plane] = d;
        }
    }
}

/// Even and odd columns of an input row from column -padding on, with zeros outside; `count` of each. Null for a row outside.
APUS_CLONES static void split_row(const float *row, int64_t width, int64_t padding, int64_t count, float *even, float *odd) {
    for (int64_t i = 0; i < count; i++) {
        int64_t x = 2 * i - padding;
        even[i] = row && x >= 0 && x < width ? row[x] : 0;
        odd[i] = row && x + 1 >= 0 && x + 1 < width ? row[x + 1] : 0;
    }
}

/// B^T d B for one row of `n` tiles of one channel; `step` lies between the sixteen results.
APUS_CLONES static void transform_tiles(const float *even, const float *odd, int64_t stride, int64_t n, float *to, int64_t step) {
    for (int r = 0; r < 4; r++) {
        static const int first[4] = {0, 1, 2, 1}, second[4] = {2, 2, 1, 3};
        float sign = r == 1 ? 1.0f : -1.0f;
        const float *ea = even + first[r] * stride, *eb = even + second[r] * stride, *oa = odd + first[r] * stride, *ob = odd + second[r] * stride;
        float *v = to + 4 * r * step;
        APUS_SIMD for (int64_t t = 0; t < n; t++) {
            float e0 = ea[t] + sign * eb[t], o0 = oa[t] + sign * ob[t], e1 = ea[t + 1] + sign * eb[t + 1], o1 = oa[t + 1] + sign * ob[t + 1];
            v[t] = e0 - e1;
            v[t + step] = o0 + e1;
            v[t + 2 * step] = e1 - o0;
            v[t + 3 * step] = o0 - o1;
        }
    }
}

/// A^T m A for one row of tiles of one channel, to an upper and a lower output row (kept apart by columns: left, right).
APUS_CLONES static void gather_tiles(const float *m, int64_t step, int64_t n, float bias, float *rows[2][2]) {
    float *upper_left = rows[0][0], *upper_right = rows[0][1], *lower_left = rows[1][0], *lower_right = rows[1][1];
    APUS_SIMD for (int64_t t = 0; t < n; t++) {
        float s[4], d[4];
        for (int c = 0; c < 4; c++) {
            float a = m[t + c * step], b = m[t + (4 + c) * step], e = m[t + (8 + c) * step], f = m[t + (12 + c) * step];
            s[c] = a + b + e;
            d[c] = b - e - f;
        }
        upper_left[t] = s[0] + s[1] + s[2] + bias;
        upper_right[t] = s[1] - s[2] - s[3] + bias;
        lower_left[t] = d[0] + d[1] + d[2] + bias;
        lower_right[t] = d[1] - d[2] - d[3] + bias;
    }
}

static void write_row(const float *left, const float *right, int64_t width, float *out) {
    for (int64_t x = 0; x + 1 < width; x += 2) {
        out[x] = left[x / 2];
        out[x + 1] = right[x / 2];
    }
    if (width & 1) out[width - 1] = left[width / 2];
}

/// Puts a row of tiles, the first of them tile `first` of the task, into panels of sixteen tiles by channel.
static void to_panels(const float *row, int64_t n, int64_t first, int64_t channels, int64_t channel, float *panels) {
    for (int64_t t = first; t < first + n;) {
        int64_t take = APUS_MIN(16 - t % 16, first + n - t);
        memcpy(panels + t / 16 * 16 * channels + channel * 16 + t % 16, row + (t - first), (size_t)take * 4);
        t += take;
    }
}

static void task_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv *c = j->conv;
    int64_t in = c->in_channels, out = c->out_channels, height = c->in_size[1], width = c->in_size[2], most = (j->rows_per_task * j->tiles_x + 15) / 16 * 16;
    int64_t line = (j->tiles_x + 1 + 15) / 16 * 16;
    float *memory = apus_allocate(((in + out) * 16 * most + 28 * line) * 4);
    if (!memory) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    float *v = memory, *m = v + in * 16 * most, *even = m + out * 16 * most, *odd = even + 4 * line;
    float *rows[2][2] = {{odd + 4 * line, odd + 5 * line}, {odd + 6 * line, odd + 7 * line}}, *tile_row = odd + 8 * line;
    memset(v, 0, (size_t)(in * 16 * most) * 4); // the last panel's unused lanes
    for (int64_t task = begin; task < end; task++) {
        int64_t sample = task / j->tasks_per_sample, first = task % j->tasks_per_sample * j->rows_per_task;
        int64_t tile_rows = APUS_MIN(j->rows_per_task, j->tiles_y - first), tiles = tile_rows * j->tiles_x, padded = (tiles + 15) / 16 * 16;
        for (int64_t channel = 0; channel < in; channel++)
            for (int64_t ty = 0; ty < tile_rows; ty++) {
                const float *plane = j->in + (sample * in + channel) * height * width;
                for (int r = 0; r < 4; r++) {
                    int64_t y = 2 * (first + ty) + r - c->padding[1];
                    split_row(y >= 0 && y < height ? plane + y * width : NULL, width, c->padding[2], j->tiles_x + 1, even + r * line, odd + r * line);
                }
                transform_tiles(even, odd, line, j->tiles_x, tile_row, line);
                for (int k = 0; k < 16; k++) to_panels(tile_row + k * line, j->tiles_x, ty * j->tiles_x, in, channel, v + k * in * padded);
            }
        for (int64_t k = 0; k < 16; k++)
            for (int64_t t = 0; t < tiles; t += 16)
                apus_panel_product(out, APUS_MIN(16, tiles - t), in, j->transformed + k * out * in, in, v + k * in * padded + t * in, NULL, m + k * out * tiles + t, tiles);
        for (int64_t channel = 0; channel < out; channel++)
            for (int64_t ty = 0; ty < tile_rows; ty++) {
                gather_tiles(m + channel * tiles + ty * j->tiles_x, out * tiles, j->tiles_x, j->bias ? j->bias[channel] : 0, rows);
                int64_t y = 2 * (first + ty);
                float *target = j->out + ((sample * out + channel) * c->out_size[1] + y) * c->out_size[2];
                write_row(rows[0][0], rows[0][1], c->out_size[2], target);
                if (y + 1 < c->out_size[1]) write_row(rows[1][0], rows[1][1], c->out_size[2], target + c->out_size[2]);
            }
    }
    apus_free(memory);
}

bool apus_conv_suits_winograd(const apus_conv *c, int32_t dtype) {
    enum { MIN_CHANNELS = 16, MIN_TILES = 100, SCRATCH_FLOATS = 1 << 18 };
    bool small_window = c->kernel[0] == 1 && c->kernel[1] == 3 && c->kernel[2] == 3 && c->out_size[0] == 1 && c->in_size[0] == 1 && c->padding[0] == 0;
    for (int d = 0; d < 3; d++) small_window &= c->stride[d] == 1 && c->dilation[d] == 1;
    if (dtype != APUS_FLOAT32 || !small_window || c->groups != 1 || c->in_channels < MIN_CHANNELS || c->out_channels < MIN_CHANNELS) return false;
    // Transforming the weights must pay, and a row of tiles must leave room in the cache.
    int64_t tiles_x = (c->out_size[2] + 1) / 2, tiles = tiles_x * ((c->out_size[1] + 1) / 2);
    return c->batch * tiles >= MIN_TILES && tiles_x <= SCRATCH_FLOATS / 16 / 4 / (c->in_channels + c->out_channels) + 64;
}

int apus_conv_winograd(const apus_conv *c, const float *in, const float *weight, const float *bias, float *out) {
    job j = {.conv = c, .in = in, .weight = weight, .bias = bias, .out = out};
    j.tiles_x = (c->out_size[2] + 1) / 2;
    j.tiles_y = (c->out_size[1] + 1) / 2;
    int64_t fits = (1 << 18) / 16 / (c->in_channels + c->out_channels) / j.tiles_x;
    // Each tile is computed by itself: how many go into a task is a matter of speed alone.
    int64_t share = (j.tiles_y * c->batch + 2 * apus_num_threads() - 1) / (2 * apus_num_threads());
    j.rows_per_task = APUS_MAX(1, APUS_MIN(APUS_MIN(fits, share), j.tiles_y));
    j.tasks_per_sample = (j.tiles_y - 1) / j.rows_per_task + 1;
    j.transformed = apus_allocate(16 * c->in_channels * c->out_channels * 4);
    if (!j.transformed) return APUS_OUT_OF_MEMORY;
    apus_parallel_for(c->out_channels, 2048 / c->in_channels + 1, weights_range, &j);
    apus_parallel_for(c->batch * j.tasks_per_sample, 1, task_range, &j);
    apus_free(j.transformed);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
