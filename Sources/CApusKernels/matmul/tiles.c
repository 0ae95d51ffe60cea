#include "tiles.h"
#include <stdatomic.h>

typedef float line16 __attribute__((vector_size(64), aligned(4)));
typedef uint32_t word16 __attribute__((vector_size(64), aligned(4)));
typedef uint16_t half16 __attribute__((vector_size(32), aligned(2)));
typedef int8_t byte16 __attribute__((vector_size(16), aligned(1)));

#define UNROLLED APUS_PRAGMA(clang loop unroll(full))

/// A line of a panel, as float32. Formats are known where this is inlined.
APUS_INLINE void load_line(int format, const char *from, line16 *line) {
    if (format == APUS_WEIGHT_FLOAT32) {
        memcpy(line, from, 64);
    } else if (format == APUS_WEIGHT_BFLOAT16) {
        half16 stored;
        memcpy(&stored, from, 32);
        *line = (line16)(__builtin_convertvector(stored, word16) << 16);
    } else {
        byte16 stored;
        memcpy(&stored, from, 16);
        *line = __builtin_convertvector(stored, line16);
    }
}

/// `rows` and `panels` are known where this is inlined: the sums are registers.
APUS_INLINE void run_tile(int format, int rows, int panels, const apus_tile *t) {
    line16 sum[APUS_TILE_ROWS][APUS_TILE_PANELS];
    const float *a = t->a;
    const char *b = t->panels, *next = t->next;
    int64_t lda = t->lda, panel_bytes = t->panel_bytes, line_bytes = t->line_bytes, depth = t->depth;
    UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int p = 0; p < panels; p++) {
        if (t->start) memcpy(&sum[i][p], t->start + i * t->start_step + p * APUS_PANEL, 64);
        else sum[i][p] = (line16){0};
    }
    APUS_PRAGMA(clang loop unroll(disable))
    for (int64_t k = 0; k < depth; k++) {
        line16 line[APUS_TILE_PANELS];
        if (format != APUS_WEIGHT_BFLOAT16) __builtin_prefetch(next + k * (format == APUS_WEIGHT_INT8 ? 64 : line_bytes), 0, 2);
        else UNROLLED for (int p = 0; p < panels; p++) __builtin_prefetch(b + p * panel_bytes + k * line_bytes + 512, 0, 3);
        UNROLLED for (int p = 0; p < panels; p++) load_line(format, b + p * panel_bytes + k * line_bytes, &line[p]);
        UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int p = 0; p < panels; p++) sum[i][p] = sum[i][p] + line[p] * a[i * lda + k];
    }
    UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int p = 0; p < panels; p++) {
        if (t->scale) {
            line16 scale, base = {0};
            memcpy(&scale, t->scale + p * APUS_PANEL, 64);
            if (t->base) memcpy(&base, t->base + i * t->base_step + p * APUS_PANEL, 64);
            sum[i][p] = base + sum[i][p] * scale;
        }
        memcpy(t->c + i * t->ldc + p * APUS_PANEL, &sum[i][p], 64);
    }
}

typedef float line8 __attribute__((vector_size(32)));
typedef float line4 __attribute__((vector_size(16), aligned(4)));

/// The sums of sixteen numbers each: halves are added until one is left, for all four at once.
APUS_INLINE void sums_of_lines(const line16 *lines, line4 *sums) {
    line4 part[4], pair[2];
    UNROLLED for (int j = 0; j < 4; j++) {
        line8 half = __builtin_shufflevector(lines[j], lines[j], 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(lines[j], lines[j], 8, 9, 10, 11, 12, 13, 14, 15);
        part[j] = __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
    }
    UNROLLED for (int j = 0; j < 2; j++)
        pair[j] = __builtin_shufflevector(part[2 * j], part[2 * j + 1], 0, 4, 1, 5) + __builtin_shufflevector(part[2 * j], part[2 * j + 1], 2, 6, 3, 7);
    *sums = __builtin_shufflevector(pair[0], pair[1], 0, 1, 4, 5) + __builtin_shufflevector(pair[0], pair[1], 2, 3, 6, 7);
}

/// Four columns from `b` on.
APUS_INLINE void run_four_dots(int rows, const apus_tile *t, const char *b, int64_t column) {
    line16 sum[APUS_FEW_ROWS][4] = {0}, x[APUS_FEW_ROWS], y[4];
    int64_t whole = t->depth / 16 * 16;
    APUS_PRAGMA(clang loop unroll(disable))
    for (int64_t k = 0; k < whole; k += 16) {
        UNROLLED for (int i = 0; i < rows; i++) memcpy(&x[i], t->a + i * t->lda + k, 64);
        UNROLLED for (int j = 0; j < 4; j++) memcpy(&y[j], b + j * t->panel_bytes + k * 4, 64);
        UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int j = 0; j < 4; j++) sum[i][j] = sum[i][j] + x[i] * y[j];
    }
    if (whole < t->depth) {
        line16 last_x[APUS_FEW_ROWS] = {0}, last_y[4] = {0};
        UNROLLED for (int i = 0; i < rows; i++) memcpy(&last_x[i], t->a + i * t->lda + whole, (size_t)(t->depth - whole) * 4);
        UNROLLED for (int j = 0; j < 4; j++) memcpy(&last_y[j], b + j * t->panel_bytes + whole * 4, (size_t)(t->depth - whole) * 4);
        UNROLLED for (int i = 0; i < rows; i++) UNROLLED for (int j = 0; j < 4; j++) sum[i][j] = sum[i][j] + last_x[i] * last_y[j];
    }
    UNROLLED for (int i = 0; i < rows; i++) {
        line4 sums, start = {0};
        sums_of_lines(sum[i], &sums);
        if (t->start) memcpy(&start, t->start + i * t->start_step + column, 16);
        sums = sums + start;
        memcpy(t->c + i * t->ldc + column, &sums, 16);
    }
}

APUS_INLINE void run_dots(int rows, const apus_tile *t) {
    for (int64_t n = 0; n < t->fours; n++) run_four_dots(rows, t, t->panels + 4 * n * t->panel_bytes, 4 * n);
}

#define TILE(LEVEL, FORMAT, ROWS, PANELS)                                                                                                                             \
    LEVEL##_TARGET static void LEVEL##_##FORMAT##_##ROWS##x##PANELS(const apus_tile *t) { run_tile(APUS_WEIGHT_##FORMAT, ROWS, PANELS, t); }
#define DOTS(LEVEL, ROWS)                                                                                                                                             \
    LEVEL##_TARGET static void LEVEL##_dots_##ROWS(const apus_tile *t) { run_dots(ROWS, t); }
#define ALL_DOTS(LEVEL) DOTS(LEVEL, 1) DOTS(LEVEL, 2) DOTS(LEVEL, 3) DOTS(LEVEL, 4)
#define DOT_ENTRIES(LEVEL) {LEVEL##_dots_1, LEVEL##_dots_2, LEVEL##_dots_3, LEVEL##_dots_4}
#define ENTRY(LEVEL, FORMAT, ROWS, PANELS) [APUS_WEIGHT_##FORMAT][ROWS - 1][PANELS / 2] = LEVEL##_##FORMAT##_##ROWS##x##PANELS,

#define NARROW(APPLY, LEVEL, FORMAT) APPLY(LEVEL, FORMAT, 1, 1) APPLY(LEVEL, FORMAT, 2, 1) APPLY(LEVEL, FORMAT, 3, 1) APPLY(LEVEL, FORMAT, 4, 1) APPLY(LEVEL, FORMAT, 1, 4)
#define ALL_NARROW(APPLY, LEVEL) NARROW(APPLY, LEVEL, FLOAT32) NARROW(APPLY, LEVEL, BFLOAT16) NARROW(APPLY, LEVEL, INT8)
#define SIX(APPLY, LEVEL) ALL_NARROW(APPLY, LEVEL) APPLY(LEVEL, FLOAT32, 2, 2) APPLY(LEVEL, FLOAT32, 5, 1) APPLY(LEVEL, FLOAT32, 6, 1)

#if defined(__x86_64__)
/// 32 registers of 16 numbers.
#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define WIDE(APPLY, FORMAT) APPLY(V4, FORMAT, 2, 4) APPLY(V4, FORMAT, 3, 4) APPLY(V4, FORMAT, 4, 4)
#define ONE_OR_TWO(APPLY, ROWS) APPLY(V4, FLOAT32, ROWS, 1) APPLY(V4, FLOAT32, ROWS, 2)
#define FOURTEEN(APPLY)                                                                                                                                               \
    ALL_NARROW(APPLY, V4) WIDE(APPLY, FLOAT32) WIDE(APPLY, BFLOAT16) WIDE(APPLY, INT8) APPLY(V4, FLOAT32, 1, 2) APPLY(V4, FLOAT32, 2, 2)                                 \
    APPLY(V4, FLOAT32, 3, 2) APPLY(V4, FLOAT32, 4, 2) APPLY(V4, FLOAT32, 5, 4) APPLY(V4, FLOAT32, 6, 4) ONE_OR_TWO(APPLY, 5) ONE_OR_TWO(APPLY, 6)                         \
    ONE_OR_TWO(APPLY, 7) ONE_OR_TWO(APPLY, 8) ONE_OR_TWO(APPLY, 9) ONE_OR_TWO(APPLY, 10) ONE_OR_TWO(APPLY, 11) ONE_OR_TWO(APPLY, 12)                                       \
    ONE_OR_TWO(APPLY, 13) ONE_OR_TWO(APPLY, 14)
FOURTEEN(TILE)
ALL_DOTS(V4)
static const apus_tiles v4_tiles = {14, {FOURTEEN(ENTRY)}, DOT_ENTRIES(V4)};

/// 16 registers of 8 numbers.
#define V3_TARGET __attribute__((target("arch=x86-64-v3")))
SIX(TILE, V3)
ALL_DOTS(V3)
static const apus_tiles v3_tiles = {6, {SIX(ENTRY, V3)}, DOT_ENTRIES(V3)};
#endif

/// NEON has 32 registers of 4 numbers, which are enough for six rows; SSE has 16.
#define BASE_TARGET
SIX(TILE, BASE)
ALL_DOTS(BASE)
#if defined(__x86_64__)
static const apus_tiles base_tiles = {2, {SIX(ENTRY, BASE)}, DOT_ENTRIES(BASE)};
#else
static const apus_tiles base_tiles = {6, {SIX(ENTRY, BASE)}, DOT_ENTRIES(BASE)};
#endif

const apus_tiles *apus_tiles_of_cpu(void) {
#if defined(__x86_64__)
    static _Atomic(const apus_tiles *) chosen;
    const apus_tiles *tiles = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!tiles) {
        const char *level = apus_cpu_level();
        tiles = strcmp(level, "avx512") == 0 ? &v4_tiles : strcmp(level, "avx2") == 0 ? &v3_tiles : &base_tiles;
        atomic_store_explicit(&chosen, tiles, memory_order_relaxed);
    }
    return tiles;
#else
    return &base_tiles;
#endif
}
