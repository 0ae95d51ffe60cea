#ifndef APUS_PANELS_H
#define APUS_PANELS_H
#include "tiles.h"

/// c [m, n] = a [m, k] * panels + bias. What a thread does by itself.
typedef struct apus_panels {
    int64_t m, n, k;
    const float *a;
    int64_t lda;
    int32_t format;
    /// [lines, 16] numbers each, without gaps, of which the first k count; the last panel has all sixteen columns too.
    const char *panels;
    int64_t lines;
    /// Instead of `panels`, a float32 matrix whose columns and lines lie so far apart: packed on the way.
    const float *loose;
    int64_t column_step, line_step;
    /// For int8: a factor for each column and `group` lines of a panel, so many floats from one group to the next.
    const float *scales;
    int64_t group, scale_step;
    /// Null for none.
    const float *bias;
    /// Instead of a bias: the product is added to `c`.
    bool adds;
    float *c;
    int64_t ldc;
} apus_panels;

/// Fails only where memory for packing or widening is missing: never for float32 panels.
int apus_panels_run(const apus_panels *p);
/// The same over the pool, in pieces. `after` may be null.
int apus_panels_over_pool(const apus_panels *p, apus_epilogue after, void *context);

/// Before a packed weight's scales and panels.
typedef struct apus_packed {
    int64_t n, k, group;
    int32_t format;
} apus_packed;

/// Bytes of a panel's line.
int64_t apus_line_bytes(int32_t format);
/// Numbers of one panel as float32.
void apus_widen(int32_t format, int64_t count, const void *from, float *to);
/// Columns `0 ..< columns` (at most sixteen; zeros beyond) and lines `0 ..< depth` of a matrix whose columns and lines lie so far apart, as a panel.
void apus_pack_panel(const float *from, int64_t column_step, int64_t line_step, int64_t columns, int64_t depth, float *to);
/// Where a packed weight's scales and panels lie.
apus_panels apus_panels_of(const apus_packed *packed);
#endif
