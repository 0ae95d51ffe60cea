/// Register blocks: the innermost loops of float32 products, chosen by the processor's instruction set.
#ifndef APUS_TILES_H
#define APUS_TILES_H
#include "../support/internal.h"

/// Columns of a panel; the most rows and panels that a tile of any instruction set has; the rows up to which narrow numbers are widened in registers.
enum { APUS_PANEL = 16, APUS_TILE_ROWS = 14, APUS_TILE_PANELS = 4, APUS_FEW_ROWS = 4 };

/// c [rows, 16 * panels] = start + a [rows, depth] * panels, or base + scale * (start + a * panels) where there is a scale. Sums are taken in the order of
/// depth, one by one, whatever the tile: no bit of a product depends on how it was cut.
typedef struct apus_tile {
    int64_t depth;
    const float *a;
    int64_t lda;
    /// Each `depth` lines of 16 numbers; so many bytes from one panel to the next, and from one line to the next.
    const char *panels;
    int64_t panel_bytes, line_bytes;
    /// What to fetch meanwhile, a line for a line: numbers that are needed next.
    const char *next;
    /// Null for zeros. A step of 0 repeats one row.
    const float *start;
    int64_t start_step;
    /// One factor for each column, or null.
    const float *scale;
    /// As `start`, read with a scale only.
    const float *base;
    int64_t base_step;
    float *c;
    int64_t ldc;
    /// For dots: so many times four columns.
    int64_t fours;
} apus_tile;

typedef void (*apus_tile_function)(const apus_tile *tile);

typedef struct apus_tiles {
    int rows;
    /// By the panels' format, by rows - 1, and by panels: 1, 2, 4. Null where registers would not suffice, never for one panel of float32.
    apus_tile_function of[3][APUS_TILE_ROWS][3];
    /// By rows - 1 of `a`: columns of `depth` numbers without gaps, `panel_bytes` from one to the next. Sixteen partial sums for each result, added in one order.
    apus_tile_function dots[APUS_FEW_ROWS];
} apus_tiles;

const apus_tiles *apus_tiles_of_cpu(void);
#endif
