/// Products with panels: blocked for the caches, each block by register tiles.
#include "panels.h"

/// Lines of a panel that stay in the first-level cache while rows go by; floats of `a` that stay in the second-level cache while panels go by; a first-level
/// cache's ways, and the lines of one.
enum { DEPTH = 384, SEGMENT_FLOATS = 1 << 16, WAYS = 8, WAY_LINES = 64 };

/// One thread's work, and its scratch memory.
typedef struct {
    const apus_panels *p;
    const apus_tiles *tiles;
    float *widened, *rows;
    /// Rows of `a` for lines from `first` on.
    const float *a;
    int64_t lda, first;
} state;

/// How rows are cut into tiles of nearly one height.
static int64_t block_count(int64_t m, const apus_tiles *tiles) { return (m - 1) / tiles->rows + 1; }

/// Sums of `lines` lines from `line` on, rows `row` ..< `row + rows`, a few panels from `panel` on; `narrow` for a last panel of fewer columns.
static void tile_at(const state *s, int64_t line, int64_t lines, int64_t row, int64_t rows, int64_t panel, int panels, const char *data, int64_t panel_bytes, const char *next, int format) {
    const apus_panels *p = s->p;
    float edge[APUS_TILE_ROWS * APUS_PANEL], edge_bias[APUS_PANEL];
    int64_t column = panel * APUS_PANEL, columns = APUS_MIN(panels * APUS_PANEL, p->n - column);
    bool is_narrow = columns < panels * APUS_PANEL;
    float *c = p->c + row * p->ldc + column;
    apus_tile t = {lines, s->a + row * s->lda + (line - s->first), s->lda, data, panel_bytes, next, .c = is_narrow ? edge : c, .ldc = is_narrow ? APUS_PANEL : p->ldc};
    const float *bias = p->bias ? p->bias + column : NULL;
    if (is_narrow && bias) {
        memset(edge_bias, 0, sizeof edge_bias);
        memcpy(edge_bias, bias, (size_t)columns * 4);
        bias = edge_bias;
    }
    bool reads_c = line > 0;
    if (p->format != APUS_WEIGHT_INT8) {
        t.start = line == 0 ? bias : t.c;
        t.start_step = line == 0 ? 0 : t.ldc;
    } else {
        if (line % p->group != 0) t.start = t.c, t.start_step = t.ldc;
        if ((line + lines) % p->group == 0 || line + lines == p->k) {
            bool is_first = line < p->group;
            t.scale = p->scales + line / p->group * p->scale_step + column;
            t.base = is_first ? bias : t.c;
            t.base_step = is_first ? 0 : t.ldc;
        }
    }
    if (is_narrow && reads_c)
        for (int64_t i = 0; i < rows; i++) memcpy(edge + i * APUS_PANEL, c + i * p->ldc, (size_t)columns * 4);
    s->tiles->of[format][rows - 1][panels / 2](&t);
    if (is_narrow)
        for (int64_t i = 0; i < rows; i++) memcpy(c + i * p->ldc, edge + i * APUS_PANEL, (size_t)columns * 4);
}

/// All rows, for some lines of some panels, which lie at `data`.
static void block_of_rows(const state *s, int64_t line, int64_t lines, int64_t panel, int64_t panels, const char *data, int64_t panel_bytes, const char *next, int format) {
    const apus_panels *p = s->p;
    int64_t blocks = block_count(p->m, s->tiles), full = p->n / APUS_PANEL;
    for (int64_t b = 0, row = 0; b < blocks; b++) {
        int64_t rows = p->m / blocks + (b < p->m % blocks);
        const apus_tile_function *of = s->tiles->of[format][rows - 1];
        for (int64_t i = 0; i < panels;) {
            int take = 4;
            while (take > 1 && (take > APUS_MIN(panels, full - panel) - i || !of[take / 2])) take /= 2;
            tile_at(s, line, lines, row, rows, panel + i, take, data + i * panel_bytes, panel_bytes, b < panels ? next + b * panel_bytes : data, format);
            i += take;
        }
        row += rows;
    }
}

/// Panels that are done together: as many as the tile of most rows has.
static int64_t panels_together(const apus_tiles *tiles, int64_t m, int format) {
    int64_t blocks = block_count(m, tiles), rows = m / blocks + (m % blocks != 0);
    int64_t panels = 4;
    while (panels > 1 && !tiles->of[format][rows - 1][panels / 2]) panels /= 2;
    return panels;
}

int apus_panels_run(const apus_panels *p) {
    if (p->m == 0 || p->n == 0) return APUS_OK;
    static const int64_t bytes[] = {4, 2, 1};
    state s = {.p = p, .tiles = apus_tiles_of_cpu(), .a = p->a, .lda = p->lda};
    bool is_few = p->m <= APUS_FEW_ROWS && p->m <= s.tiles->rows, widens = p->format != APUS_WEIGHT_FLOAT32 && !is_few;
    int format = widens ? APUS_WEIGHT_FLOAT32 : p->format;
    int64_t together = panels_together(s.tiles, p->m, format), item = bytes[p->format];
    int64_t depth = p->format == APUS_WEIGHT_INT8 && p->group < p->k ? p->group : is_few ? APUS_MAX(p->k, 1) : DEPTH;
    int64_t segment = APUS_MIN(APUS_MAX(SEGMENT_FLOATS / p->m / depth, 1) * depth, APUS_MAX(p->k, 1));
    // Rows that lie a multiple of a way apart push each other out of the cache.
    int64_t step = p->lda * 4 / 64 % WAY_LINES, places = step == 0 ? 1 : WAY_LINES / (step & -step);
    bool copies = APUS_MIN(p->m, s.tiles->rows) > WAYS * places;
    int64_t row_step = segment + 16;
    if (widens) s.widened = apus_allocate(together * depth * APUS_PANEL * 4);
    if (copies) s.rows = apus_allocate(p->m * row_step * 4);
    if ((widens && !s.widened) || (copies && !s.rows)) {
        apus_free(s.widened);
        apus_free(s.rows);
        return APUS_OUT_OF_MEMORY;
    }
    int64_t all = (p->n - 1) / APUS_PANEL + 1;
    for (int64_t from = 0; from == 0 || from < p->k; from += segment) {
        int64_t end = APUS_MIN(p->k, from + segment);
        if (copies) {
            for (int64_t i = 0; i < p->m; i++) memcpy(s.rows + i * row_step, p->a + i * p->lda + from, (size_t)(end - from) * 4);
            s.a = s.rows, s.lda = row_step, s.first = from;
        }
        for (int64_t panel = 0; panel < all; panel += together)
            for (int64_t line = from; line == 0 || line < end; line += depth) {
                int64_t lines = APUS_MIN(depth, end - line), panels = APUS_MIN(together, all - panel), panel_bytes = p->k * APUS_PANEL * item;
                const char *data = p->panels + panel * panel_bytes + line * APUS_PANEL * item;
                if (widens) {
                    for (int64_t i = 0; i < panels; i++) apus_widen(p->format, lines * APUS_PANEL, data + i * panel_bytes, s.widened + i * depth * APUS_PANEL);
                    block_of_rows(&s, line, lines, panel, panels, (const char *)s.widened, depth * APUS_PANEL * 4, (const char *)s.widened, format);
                } else {
                    int64_t ahead = line + lines < end ? lines * APUS_PANEL * item : together * panel_bytes - (line - from) * APUS_PANEL * item;
                    block_of_rows(&s, line, lines, panel, panels, data, panel_bytes, data + ahead, format);
                }
            }
    }
    apus_free(s.widened);
    apus_free(s.rows);
    return APUS_OK;
}

void apus_panel_product(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *panel, const float *bias, float *c, int64_t ldc) {
    apus_panels_run(&(apus_panels){m, n, k, a, lda, APUS_WEIGHT_FLOAT32, (const char *)panel, .bias = bias, .c = c, .ldc = ldc});
}
