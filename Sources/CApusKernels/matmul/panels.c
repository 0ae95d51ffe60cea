/// Products with a matrix packed beforehand: float32, panels of sixteen columns, six rows at a time in registers.
#include "panels.h"
#include <stdatomic.h>

enum { ROWS = 6, DEPTH = 256, ROW_BLOCK = 96 };

typedef float line16 __attribute__((vector_size(64), aligned(4)));

/// c [rows, 16] (+)= a [rows, depth] * panel [depth, 16]; `rows` is known where this is inlined.
APUS_INLINE void kernel(int rows, int64_t depth, const float *a, int64_t lda, const float *panel, bool adds, float *c, int64_t ldc) {
    line16 sum[ROWS];
    for (int i = 0; i < rows; i++) {
        if (adds) memcpy(&sum[i], c + i * ldc, 64);
        else memset(&sum[i], 0, 64);
    }
    for (int64_t k = 0; k < depth; k++) {
        line16 b;
        memcpy(&b, panel + k * 16, 64);
        for (int i = 0; i < rows; i++) sum[i] = sum[i] + b * a[i * lda + k];
    }
    for (int i = 0; i < rows; i++) memcpy(c + i * ldc, &sum[i], 64);
}

APUS_CLONES static void run_kernel(int64_t rows, int64_t depth, const float *a, int64_t lda, const float *panel, bool adds, float *c, int64_t ldc) {
    switch (rows) {
    case 1: kernel(1, depth, a, lda, panel, adds, c, ldc); break;
    case 2: kernel(2, depth, a, lda, panel, adds, c, ldc); break;
    case 3: kernel(3, depth, a, lda, panel, adds, c, ldc); break;
    case 4: kernel(4, depth, a, lda, panel, adds, c, ldc); break;
    case 5: kernel(5, depth, a, lda, panel, adds, c, ldc); break;
    default: kernel(6, depth, a, lda, panel, adds, c, ldc); break;
    }
}

void apus_panel_product(int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *panel, const float *bias, float *c, int64_t ldc) {
    float edge[ROWS * 16];
    for (int64_t first = 0; first < m; first += ROWS) {
        int64_t rows = APUS_MIN(ROWS, m - first);
        float *target = n == 16 ? c + first * ldc : edge;
        int64_t step = n == 16 ? ldc : 16;
        if (bias) {
            for (int64_t i = 0; i < rows; i++)
                for (int64_t j = 0; j < n; j++) target[i * step + j] = bias[j];
            if (n < 16)
                for (int64_t i = 0; i < rows; i++) memset(target + i * 16 + n, 0, (size_t)(16 - n) * 4);
        }
        for (int64_t d = 0; d == 0 || d < k; d += DEPTH)
            run_kernel(rows, APUS_MIN(DEPTH, k - d), a + first * lda + d, lda, panel + d * 16, bias || d > 0, target, step);
        if (n < 16)
            for (int64_t i = 0; i < rows; i++) memcpy(c + (first + i) * ldc, edge + i * 16, (size_t)n * 4);
    }
}

int64_t apus_packed_size(int64_t n, int64_t k) {
    if (n < 0 || k < 0 || n > INT64_MAX - 16) return -1;
    int64_t panels = n / 16 + (n % 16 != 0), floats;
    if (__builtin_mul_overflow(panels * 16, k, &floats) || floats > INT64_MAX / 4) return -1;
    return floats * 4;
}

int apus_pack(const apus_view *weight, void *packed) {
    if (weight->rank != 2) return APUS_INVALID_ARGUMENT;
    if (weight->dtype != APUS_FLOAT32) return APUS_UNSUPPORTED;
    int64_t n = weight->sizes[0], k = weight->sizes[1], rows = weight->strides[0], columns = weight->strides[1];
    const float *w = weight->data;
    float *to = packed;
    for (int64_t first = 0; first < n; first += 16)
        for (int64_t d = 0; d < k; d++, to += 16)
            for (int64_t j = 0; j < 16; j++) to[j] = first + j < n ? w[(first + j) * rows + d * columns] : 0;
    return APUS_OK;
}

typedef struct {
    int64_t m, n, k, blocks;
    const float *x, *packed, *bias;
    int64_t ldx, ldo;
    float *out;
} job;

/// Task t: panel t / blocks, block of rows t % blocks.
static void linear_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t t = begin; t < end; t++) {
        int64_t column = t / j->blocks * 16, row = t % j->blocks * ROW_BLOCK;
        apus_panel_product(APUS_MIN(ROW_BLOCK, j->m - row), APUS_MIN(16, j->n - column), j->k, j->x + row * j->ldx, j->ldx, j->packed + column * j->k,
                           j->bias ? j->bias + column : NULL, j->out + row * j->ldo + column, j->ldo);
    }
}

int apus_linear_packed(const apus_view *x, int64_t n, const void *packed, const apus_view *bias, apus_epilogue after, void *context, const apus_view *out) {
    if (x->dtype != APUS_FLOAT32 || out->dtype != APUS_FLOAT32 || (bias && bias->dtype != APUS_FLOAT32)) return APUS_UNSUPPORTED;
    if (x->rank != 2 || out->rank != 2 || out->sizes[0] != x->sizes[0] || out->sizes[1] != n) return APUS_INVALID_ARGUMENT;
    if ((x->sizes[1] > 1 && x->strides[1] != 1) || (n > 1 && out->strides[1] != 1)) return APUS_INVALID_ARGUMENT;
    if (bias && (bias->rank != 1 || bias->sizes[0] != n || (n > 1 && bias->strides[0] != 1))) return APUS_INVALID_ARGUMENT;
    job j = {.m = x->sizes[0], .n = n, .k = x->sizes[1], .x = x->data, .packed = packed, .bias = bias ? bias->data : NULL, .ldx = x->strides[0], .ldo = out->strides[0], .out = out->data};
    if (j.m == 0 || n == 0) return APUS_OK;
    j.blocks = (j.m - 1) / ROW_BLOCK + 1;
    int64_t work = APUS_MIN(ROW_BLOCK, j.m) * 16 * APUS_MAX(j.k, 1);
    apus_parallel_for(((n - 1) / 16 + 1) * j.blocks, 100000 / work + 1, linear_range, &j);
    if (after) after(context, 0, j.m, 0, n);
    return APUS_OK;
}
