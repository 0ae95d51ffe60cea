/// Layer norm over the channels of [batch, channels, positions]. Neighbours in memory are neighbouring positions: each lane norms a row of its own, and nothing is
/// transposed.
#include "../support/internal.h"

typedef float line16 __attribute__((vector_size(64), aligned(4)));

/// Lines that are normed together; channels whose sum is taken by itself, so that errors grow with this number.
enum { LANES = 16, LINES = 4, DEPTH = 32, TASK_NUMBERS = 16384 };

typedef struct {
    int64_t channels, positions, blocks; // blocks of positions to a sample
    double epsilon;
    const float *in, *weight, *bias;
    float *out;
} job;

/// Mean and 1 / sqrt(variance + epsilon) of one position in float64: where squares leave float32, or epsilon is too small for it.
static void one_row(const job *j, const float *in, float *centre, float *scale) {
    double sum = 0, squares = 0, n = (double)j->channels;
    for (int64_t c = 0; c < j->channels; c++) sum += (double)in[c * j->positions];
    double mean = sum / n;
    for (int64_t c = 0; c < j->channels; c++) {
        double off = (double)in[c * j->positions] - mean;
        squares += off * off;
    }
    *centre = (float)mean;
    *scale = (float)(1 / sqrt(squares / n + j->epsilon));
}

/// Lines from `in` on; their number is known where this is inlined.
/// - Parameter skipped: lanes of the only line whose positions are another block's, and are left alone
APUS_INLINE void norm_lines(int count, const job *j, const float *in, float *out, int skipped) {
    line16 centre[LINES], scale[LINES], part[LINES], off[LINES];
    int64_t channels = j->channels, step = j->positions;
    float share = 1 / (float)channels;
    for (int i = 0; i < count; i++) centre[i] = (line16){0};
    for (int64_t first = 0; first < channels; first += DEPTH) {
        for (int i = 0; i < count; i++) part[i] = (line16){0};
        for (int64_t c = first; c < APUS_MIN(first + DEPTH, channels); c++)
            for (int i = 0; i < count; i++) {
                line16 x;
                memcpy(&x, in + c * step + i * LANES, sizeof x);
                part[i] += x;
            }
        for (int i = 0; i < count; i++) centre[i] += part[i];
    }
    // What rounding has moved the centre by shows in the sum of what is left.
    for (int i = 0; i < count; i++) centre[i] *= share, scale[i] = off[i] = (line16){0};
    for (int64_t first = 0; first < channels; first += DEPTH) {
        for (int i = 0; i < count; i++) part[i] = (line16){0};
        for (int64_t c = first; c < APUS_MIN(first + DEPTH, channels); c++)
            for (int i = 0; i < count; i++) {
                line16 x;
                memcpy(&x, in + c * step + i * LANES, sizeof x);
                x -= centre[i];
                off[i] += x;
                part[i] += x * x;
            }
        for (int i = 0; i < count; i++) scale[i] += part[i];
    }
    for (int i = 0; i < count; i++) {
        line16 squares = scale[i], moved = off[i] * share;
        scale[i] = 1.0f / __builtin_elementwise_sqrt(squares * share - moved * moved + (float)j->epsilon);
        centre[i] += moved;
        // By each position alone, so that neighbours do not matter: squares that leave float32, and those that are all but what the centre is off by.
        for (int lane = 0; lane < LANES; lane++) {
            float square = squares[lane] * share, off_by = moved[lane] * moved[lane];
            if (j->epsilon > 1e-20 && square < INFINITY && (square == 0 || square - off_by >= 0.25f * square)) continue;
            float one[2];
            one_row(j, in + i * LANES + lane, &one[0], &one[1]);
            centre[i][lane] = one[0], scale[i][lane] = one[1];
        }
    }
    for (int64_t c = 0; c < channels; c++) {
        float weight = j->weight ? j->weight[c] : 1, bias = j->bias ? j->bias[c] : 0;
        for (int i = 0; i < count; i++) {
            line16 x;
            memcpy(&x, in + c * step + i * LANES, sizeof x);
            x = (x - centre[i]) * scale[i] * weight + bias;
            if (skipped == 0) memcpy(out + c * step + i * LANES, &x, sizeof x);
            for (int lane = skipped; skipped > 0 && lane < LANES; lane++) out[c * step + lane] = x[lane];
        }
    }
}

APUS_CLONES static void norm_blocks(const job *j, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; b++) {
        int64_t first = b % j->blocks * LINES * LANES, count = APUS_MIN(LINES * LANES, j->positions - first), sample = b / j->blocks * j->channels * j->positions;
        if (count == LINES * LANES) {
            norm_lines(LINES, j, j->in + sample + first, j->out + sample + first, 0);
            continue;
        }
        // The last line ends with the plane: what it has of the line before is there already.
        for (int64_t at = first; at < first + count && j->positions >= LANES; at += LANES) {
            int64_t from = APUS_MIN(at, j->positions - LANES);
            norm_lines(1, j, j->in + sample + from, j->out + sample + from, (int)(at - from));
        }
        for (int64_t i = first; i < first + count && j->positions < LANES; i++) {
            float centre, scale;
            const float *in = j->in + sample + i;
            one_row(j, in, &centre, &scale);
            for (int64_t c = 0; c < j->channels; c++) {
                float weight = j->weight ? j->weight[c] : 1, bias = j->bias ? j->bias[c] : 0;
                j->out[sample + i + c * j->positions] = (in[c * j->positions] - centre) * scale * weight + bias;
            }
        }
    }
}

static void norm_range(void *context, int64_t begin, int64_t end) { norm_blocks(context, begin, end); }

void apus_channel_norm(int64_t batch, int64_t channels, int64_t positions, double epsilon, const void *in, const void *weight, const void *bias, void *out) {
    if (batch <= 0 || channels <= 0 || positions <= 0) return;
    job j = {channels, positions, (positions - 1) / (LINES * LANES) + 1, epsilon, in, weight, bias, out};
    apus_parallel_for(batch * j.blocks, TASK_NUMBERS / (channels * LINES * LANES) + 1, norm_range, &j);
}
