#include "tile.h"

/// Products summed up before their sum is added to the result: errors grow with this length, not with the depth.
enum { DEPTH = 256 };

typedef float line8 __attribute__((vector_size(32), aligned(4)));

/// Rows `row` ..< + `rows` of a tile and `count` lines of it, the first of them line `first`; `rows`, `first` and `count` are known where this is inlined.
// Sums stay in registers only where every loop over them is unrolled.
#define ALL APUS_PRAGMA(clang loop unroll(full))
#define BLOCK(NAME, LINE)                                                                                                                       \
    APUS_INLINE void NAME(const apus_conv_tile *t, int row, int rows, int first, int count) {                                                    \
        enum { WIDTH = sizeof(LINE) / 4, PER_VECTOR = APUS_CONV_LANES / WIDTH };                                                                 \
        const float *weight = t->weight + row;                                                                                                   \
        const int64_t *offsets = t->offsets;                                                                                                     \
        int64_t step = t->step, left = t->depth;                                                                                                 \
        do {                                                                                                                                     \
            LINE sum[APUS_CONV_ROWS][APUS_CONV_VECTORS];                                                                                         \
            for (int i = 0; i < rows; i++)                                                                                                       \
                for (int j = 0; j < count; j++) sum[i][j] = (LINE){0};                                                                           \
            for (int64_t k = APUS_MIN(left, DEPTH); k > 0; k--, weight += t->weight_step) {                                                      \
                const float *in = t->in + *offsets++;                                                                                            \
                LINE b[APUS_CONV_VECTORS];                                                                                                       \
                for (int j = 0; j < count; j++)                                                                                                  \
                    memcpy(&b[j], in + (first + j) / PER_VECTOR * step + (first + j) % PER_VECTOR * WIDTH, sizeof(LINE));                        \
                for (int i = 0; i < rows; i++)                                                                                                   \
                    for (int j = 0; j < count; j++) sum[i][j] = sum[i][j] + b[j] * weight[i];                                                    \
            }                                                                                                                                    \
            bool fresh = left == t->depth;                                                                                                       \
            ALL for (int i = 0; i < rows; i++) {                                                                                \
                if (row + i >= t->rows) break;                                                                                                   \
                float *out = t->out + (row + i) * t->out_stride + first * WIDTH, start = t->start ? t->start[row + i] : 0;                       \
                ALL for (int j = 0; j < count; j++) {                                                                                                \
                    LINE before = (LINE){0} + start;                                                                                             \
                    if (!fresh) memcpy(&before, out + j * WIDTH, sizeof before);                                                                 \
                    before += sum[i][j];                                                                                                         \
                    memcpy(out + j * WIDTH, &before, sizeof before);                                                                             \
                }                                                                                                                                \
            }                                                                                                                                    \
            left -= DEPTH;                                                                                                                       \
        } while (left > 0);                                                                                                                      \
    }
BLOCK(block8, line8)

#if defined(__x86_64__) && defined(__linux__) && !defined(APUS_NO_CLONES)
#define HAS_WIDE 1
typedef float line16 __attribute__((vector_size(64), aligned(4)));
BLOCK(block16, line16)

/// With 32 registers of sixteen lanes: 8 x 48 in registers.
__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void wide_tile(const apus_conv_tile *t) {
    if (t->rows > 4) {
        switch (t->vectors) {
        case 1: block16(t, 0, 8, 0, 1); break;
        case 2: block16(t, 0, 8, 0, 2); break;
        default: block16(t, 0, 8, 0, 3); break;
        }
    } else {
        switch (t->vectors) {
        case 1: block16(t, 0, 4, 0, 1); break;
        case 2: block16(t, 0, 4, 0, 2); break;
        default: block16(t, 0, 4, 0, 3); break;
        }
    }
}
#else
#define HAS_WIDE 0
static void wide_tile(const apus_conv_tile *t) { (void)t; }
#endif

/// With 16 registers of eight lanes: 4 x 16 in registers; compilers spill 4 x 24, which would just fit.
APUS_CLONES static void narrow_tile(const apus_conv_tile *t) {
    for (int row = 0; row < t->rows; row += 4) {
        block8(t, row, 4, 0, 2);
        if (t->vectors > 1) block8(t, row, 4, 2, 2);
        if (t->vectors > 2) block8(t, row, 4, 4, 2);
    }
}

void apus_conv_run_tile(const apus_conv_tile *tile) {
    static _Atomic int wide = -1;
    if (wide < 0) wide = HAS_WIDE && strcmp(apus_cpu_level(), "avx512") == 0;
    if (wide) wide_tile(tile);
    else narrow_tile(tile);
}
