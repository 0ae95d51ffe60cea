#ifndef APUS_CONV_TILE_H
#define APUS_CONV_TILE_H
#include "../support/internal.h"

/// The register kernel of prepared convolutions: rows are output channels, eight to a panel of weights; columns are positions, sixteen to a vector.
enum { APUS_CONV_ROWS = 8, APUS_CONV_LANES = 16, APUS_CONV_VECTORS = 3 };

typedef struct apus_conv_tile {
    int64_t depth;          // products to a sum
    const float *weight;    // [depth][APUS_CONV_ROWS]
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
#endif
