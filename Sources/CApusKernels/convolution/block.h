#ifndef APUS_CONV_BLOCK_H
#define APUS_CONV_BLOCK_H
#include "convolution.h"

/// Elements behind a padded block that the last vectors may read.
enum { APUS_CONV_SLACK = 64 };

/// A block of an input plane, copied with its padding, each phase of the stride by itself, so that a step of one output position is a step of one element
/// everywhere: a window's values for neighbouring positions are then plain vectors at an offset that the tap decides.
typedef struct apus_conv_block {
    const apus_conv *conv;
    int unit;                             // the dimension that blocks are cut along: the first of more than one position
    int64_t units;                        // of it to a block
    int64_t size[3], phases[3], phase[3]; // each phase's size, how many phases, and elements between two of them
    int64_t channel;                      // elements of one channel's block
} apus_conv_block;

/// Sizes for so many units and channels; false where bytes cannot be counted.
bool apus_conv_set_block(apus_conv_block *block, int64_t units, int64_t channels);
/// Where elements of a window of so many channels lie, from the first one's on.
void apus_conv_set_offsets(const apus_conv_block *block, int64_t channels, int64_t *offsets);
/// The block of one channel's plane whose first unit is `first`.
void apus_conv_fill_block(const apus_conv_block *block, const float *plane, int64_t first, float *to);
/// Asks for rows of numbers in their order, `step` elements apart. Where another core's caches have them, to come upon a few of each at a time costs as much as
/// the products with them.
void apus_conv_fetch(const float *from, int64_t rows, int64_t step, int64_t count);
#endif
