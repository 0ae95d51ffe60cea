/// Products with panels: blocked for the caches, each block by register tiles.
#include "panels.h"

/// Lines of a panel that stay in the first-level cache while rows go by; floats of `a` that stay in the second-level cache while panels go by; a first-level
/// cache's ways, and the lines of one. Lines that are read where they lie, whatever the distance between them, are few enough for the cache to keep them all.
enum { DEPTH = 384, DIRECT_DEPTH = 64, SEGMENT_FLOATS = 1 << 16, WAYS = 8, WAY_LINES = 64 };

/// Numbers of a few panels as tiles read them, and what to fetch while they do.
typedef struct {
    const char *data, *next;
    int64_t panel_bytes, line_bytes;
    int format;
} source;

/// One thread's work, and its scratch memory.
typedef struct {
    const apus_panels *p;
    const apus_tiles *tiles;
    float *packed, *rows;
    /// Rows of `a` for lines from `first` on.
    const float *a;
    int64_t lda, first;
} state;

/// How rows are cut into tiles of nearly one height.
static int64_t block_count(int64_t m, const apus_tiles *tiles) { return (m - 1) / tiles->rows + 1; }

/// Sums of `lines` lines from `line` on, rows `row` ..< `row + rows`, a few panels from `panel` on, the first of which lies at `data`.
static void tile_at(const state *s, const source *b, int64_t line, int64_t lines, int64_t row, int64_t rows, int64_t panel, int panels, const char *data, const char *next) {
    const apus_panels *p = s->p;
    float edge[APUS_TILE_ROWS * APUS_PANEL], edge_bias[APUS_PANEL];
    int64_t column = panel * APUS_PANEL, columns = APUS_MIN(panels * APUS_PANEL, p->n - column);
    bool is_narrow = columns < panels * APUS_PANEL, reads_c = line > 0 || p->adds;
    float *c = p->c + row * p->ldc + column;
    apus_tile t = {lines, s->a + row * s->lda + (line - s->first), s->lda, data, b->panel_bytes, b->line_bytes, next};
    t.c = is_narrow ? edge : c, t.ldc = is_narrow ? APUS_PANEL : p->ldc;
    const float *bias = p->bias ? p->bias + column : NULL;
    if (is_narrow && bias) {
        memset(edge_bias, 0, sizeof edge_bias);
        memcpy(edge_bias, bias, (size_t)columns * 4);
        bias = edge_bias;
    }
    if (p->format != APUS_WEIGHT_INT8) {
        t.start = reads_c ? t.c : bias;
        t.start_step = reads_c ? t.ldc : 0;
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
    s->tiles->of[b->format][rows - 1][panels / 2](&t);
    if (is_narrow)
        for (int64_t i = 0; i < rows; i++) memcpy(c + i * p->ldc, edge + i * APUS_PANEL, (size_t)columns * 4);
}

/// All rows, for some lines of some panels.
static void block_of_rows(const state *s, const source *b, int64_t line, int64_t lines, int64_t panel, int64_t panels) {
    const apus_panels *p = s->p;
    int64_t blocks = block_count(p->m, s->tiles), full = p->n / APUS_PANEL;
    for (int64_t block = 0, row = 0; block < blocks; block++) {
        int64_t rows = p->m / blocks + (block < p->m % blocks);
        const apus_tile_function *of = s->tiles->of[b->format][rows - 1];
        for (int64_t i = 0; i < panels;) {
            int take = 4;
            while (take > 1 && (take > APUS_MIN(panels, full - panel) - i || !of[take / 2])) take /= 2;
            const char *data = b->data + i * b->panel_bytes;
            tile_at(s, b, line, lines, row, rows, panel + i, take, data, block < panels ? b->next + block * b->panel_bytes : data);
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

/// Lines of a matrix that is not packed, as they lie or packed here.
static source loose_lines(const state *s, bool is_direct, int64_t line, int64_t lines, int64_t panel, int64_t panels) {
    const apus_panels *p = s->p;
    const float *from = p->loose + panel * APUS_PANEL * p->column_step + line * p->line_step;
    if (is_direct) return (source){(const char *)from, (const char *)(from + panels * APUS_PANEL), APUS_PANEL * 4, p->line_step * 4, APUS_WEIGHT_FLOAT32};
    for (int64_t i = 0; i < panels; i++)
        apus_pack_panel(from + i * APUS_PANEL * p->column_step, p->column_step, p->line_step, APUS_MIN(APUS_PANEL, p->n - (panel + i) * APUS_PANEL), lines, s->packed + i * lines * APUS_PANEL);
    return (source){(const char *)s->packed, (const char *)s->packed, lines * APUS_PANEL * 4, APUS_PANEL * 4, APUS_WEIGHT_FLOAT32};
}

/// Lines of packed panels, as they are stored or widened here; `ahead` bytes from those that are needed next.
static source packed_lines(const state *s, bool widens, int64_t line, int64_t lines, int64_t panel, int64_t panels, int64_t ahead) {
    const apus_panels *p = s->p;
    int64_t line_bytes = apus_line_bytes(p->format), panel_bytes = p->lines * line_bytes;
    const char *from = p->panels + panel * panel_bytes + line * line_bytes;
    if (!widens) return (source){from, from + ahead, panel_bytes, line_bytes, p->format};
    for (int64_t i = 0; i < panels; i++) apus_widen(p->format, lines * APUS_PANEL, from + i * panel_bytes, s->packed + i * lines * APUS_PANEL);
    return (source){(const char *)s->packed, (const char *)s->packed, lines * APUS_PANEL * 4, APUS_PANEL * 4, APUS_WEIGHT_FLOAT32};
}

/// A few rows by columns that have no gaps: read once, as they lie.
static void run_dots(const apus_panels *p) {
    apus_tile_function dots = apus_tiles_of_cpu()->dots[p->m - 1];
    for (int64_t j = 0, taken; j < p->n; j += taken) {
        bool is_edge = p->n - j < 4; // then one column at a time, four times the same
        taken = is_edge ? 1 : p->n / 4 * 4;
        float edge[APUS_FEW_ROWS * 4], *c = p->c + j;
        apus_tile t = {p->k, p->a, p->lda, (const char *)(p->loose + j * p->column_step), is_edge ? 0 : p->column_step * 4, .c = is_edge ? edge : c, .ldc = is_edge ? 4 : p->ldc, .fours = (taken + 3) / 4};
        float edge_start[APUS_FEW_ROWS * 4] = {0};
        if (is_edge)
            for (int64_t i = 0; i < p->m; i++) edge_start[i * 4] = p->adds ? c[i * p->ldc] : p->bias ? p->bias[j] : 0;
        if (is_edge) t.start = edge_start, t.start_step = 4;
        else if (p->adds) t.start = c, t.start_step = p->ldc;
        else t.start = p->bias ? p->bias + j : NULL;
        dots(&t);
        if (is_edge)
            for (int64_t i = 0; i < p->m; i++) c[i * p->ldc] = edge[i * 4];
    }
}

int apus_panels_run(const apus_panels *p) {
    if (p->m == 0 || p->n == 0) return APUS_OK;
    if (p->loose && p->line_step == 1 && p->m <= APUS_FEW_ROWS) {
        run_dots(p);
        return APUS_OK;
    }
    state s = {.p = p, .tiles = apus_tiles_of_cpu(), .a = p->a, .lda = p->lda};
    bool is_few = p->m <= APUS_FEW_ROWS && p->m <= s.tiles->rows, is_direct = p->loose && p->column_step == 1 && p->m <= s.tiles->rows;
    bool widens = !p->loose && p->format != APUS_WEIGHT_FLOAT32 && !is_few;
    int64_t together = panels_together(s.tiles, p->m, widens ? APUS_WEIGHT_FLOAT32 : p->format), all = (p->n - 1) / APUS_PANEL + 1, full = p->n / APUS_PANEL;
    int64_t depth = p->format == APUS_WEIGHT_INT8 && p->group < p->k ? p->group : is_direct ? DIRECT_DEPTH : is_few && !p->loose ? APUS_MAX(p->k, 1) : DEPTH;
    int64_t segment = is_direct ? depth : APUS_MAX(SEGMENT_FLOATS / p->m / depth, 1) * depth;
    segment = APUS_MIN(segment, APUS_MAX(p->k, 1));
    // Rows that lie a multiple of a way apart push each other out of the cache.
    int64_t step = p->lda / 16 % WAY_LINES, places = step == 0 ? 1 : WAY_LINES / (step & -step), row_step = segment + 16;
    bool copies = APUS_MIN(p->m, s.tiles->rows) > WAYS * places, packs = widens || (p->loose && (!is_direct || full < all));
    if (packs) s.packed = apus_allocate((is_direct ? 1 : together) * APUS_MIN(depth, segment) * APUS_PANEL * 4);
    if (copies) s.rows = apus_allocate(p->m * row_step * 4); // without memory for it, rows are read where they lie
    int status = packs && !s.packed ? APUS_OUT_OF_MEMORY : APUS_OK;
    for (int64_t from = 0; status == APUS_OK && (from == 0 || from < p->k); from += segment) {
        int64_t end = APUS_MIN(p->k, from + segment);
        if (s.rows) {
            for (int64_t i = 0; i < p->m; i++) memcpy(s.rows + i * row_step, p->a + i * p->lda + from, (size_t)(end - from) * 4);
            s.a = s.rows, s.lda = row_step, s.first = from;
        }
        for (int64_t panel = 0, panels; panel < all; panel += panels) {
            panels = APUS_MIN(together, all - panel);
            if (is_direct && panel + panels > full) panels = panel < full ? full - panel : 1; // the last one would be read beyond its columns
            for (int64_t line = from; line == 0 || line < end; line += depth) {
                int64_t lines = APUS_MIN(depth, end - line), line_bytes = apus_line_bytes(p->format);
                int64_t ahead = line + lines < end ? lines * line_bytes : together * p->lines * line_bytes - (line - from) * line_bytes;
                source b = p->loose ? loose_lines(&s, is_direct && panel < full, line, lines, panel, panels) : packed_lines(&s, widens, line, lines, panel, panels, ahead);
                block_of_rows(&s, &b, line, lines, panel, panels);
            }
        }
    }
    apus_free(s.packed);
    apus_free(s.rows);
    return status;
}
