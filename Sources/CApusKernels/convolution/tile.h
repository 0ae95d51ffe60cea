#ifndef APUS_CONV_TILE_H
#define APUS_CONV_TILE_H
#include "../support/internal.h"

/// The register kernel of prepared convolutions: rows are output channels, eight to a panel of weights; columns are positions, sixteen to a vector.
enum { APUS_CONV_ROWS = 8, APUS_CONV_LANES = 16, APUS_CONV_VECTORS = 3 };

typedef struct apus_conv_tile {
    int64_t depth;          // products to a sum
    const float *weight;    // [depth][APUS_CONV_ROWS], and so many elements from one to the next
    int64_t weight_step;
    const float *in;        // the first column's values: k-th at in + offsets[k]
    const int64_t *offsets; // [depth]
    int64_t step;           // from one vector of columns to the next, in `in`
    const float *start;     // what sums begin with: [APUS_CONV_ROWS], null for 0
    float *out;             // [rows][vectors * APUS_CONV_LANES]
    int64_t out_stride;
    int rows, vectors; // at most APUS_CONV_ROWS and APUS_CONV_VECTORS
} apus_conv_tile;

/// Sums over ascending k, each with fused products where the processor has them: a result does not depend on the tile that it is computed in.
void apus_conv_run_tile(const apus_conv_tile *tile);

/// Steps of transposing lines of sixteen, in each quarter of them: neighbours, and pairs of neighbours, of two lines in turns.
#define APUS_CONV_ONES_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define APUS_CONV_ONES_HIGH(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define APUS_CONV_TWOS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define APUS_CONV_TWOS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)

/// A few numbers, without a call: the last ones twice where they are not a multiple of eight, or of four.
APUS_INLINE void apus_conv_put(const float *from, int64_t count, float *to) {
    if (count >= 8) {
        for (int64_t i = 0; i + 8 < count; i += 8) memcpy(to + i, from + i, 32);
        memcpy(to + count - 8, from + count - 8, 32);
    } else if (count >= 4) {
        memcpy(to, from, 16);
        memcpy(to + count - 4, from + count - 4, 16);
    } else {
        for (int64_t i = 0; i < count; i++) to[i] = from[i];
    }
}
#endif
