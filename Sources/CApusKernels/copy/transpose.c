/// Transposition by blocks that fit into registers and cache lines.
#include "../pointwise/loops.h"

enum { BLOCK = 16 };

#define TRANSPOSE_ANY(TYPE)                                                                                                                    \
    for (int64_t i = 0; i < rows; i++)                                                                                                          \
        for (int64_t j = 0; j < columns; j++) *(TYPE *)(out + i * out_stride + j * (int64_t)sizeof(TYPE)) = *(const TYPE *)(in + j * in_stride + i * (int64_t)sizeof(TYPE));
/// Whole lines in, whole lines out.
#define TRANSPOSE_FULL(TYPE)                                                                                                                   \
    {                                                                                                                                           \
        TYPE block[BLOCK][BLOCK];                                                                                                               \
        for (int j = 0; j < BLOCK; j++) memcpy(block[j], in + j * in_stride, sizeof block[j]);                                                   \
        for (int i = 0; i < BLOCK; i++) {                                                                                                       \
            TYPE row[BLOCK];                                                                                                                    \
            for (int j = 0; j < BLOCK; j++) row[j] = block[j][i];                                                                               \
            memcpy(out + i * out_stride, row, sizeof row);                                                                                      \
        }                                                                                                                                       \
    }
#define TRANSPOSE(TYPE)                                                                                                                        \
    {                                                                                                                                           \
        if (rows == BLOCK && columns == BLOCK) TRANSPOSE_FULL(TYPE)                                                                              \
        else {                                                                                                                                  \
            TRANSPOSE_ANY(TYPE)                                                                                                                 \
        }                                                                                                                                       \
        break;                                                                                                                                  \
    }

/// Four-byte elements by vector shuffles: 8 x 8 at a time.
typedef uint32_t line8 __attribute__((vector_size(32), aligned(4)));
#define HALVES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
APUS_CLONES static void transpose_8x8(char *out, int64_t out_stride, const char *in, int64_t in_stride) {
    line8 r[8], s[8];
    for (int j = 0; j < 8; j++) memcpy(&r[j], in + j * in_stride, 32);
    for (int j = 0; j < 8; j += 2) {
        s[j] = HALVES(r[j], r[j + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        s[j + 1] = HALVES(r[j], r[j + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int j = 0; j < 8; j += 4) {
        r[j] = HALVES(s[j], s[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        r[j + 1] = HALVES(s[j], s[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        r[j + 2] = HALVES(s[j + 1], s[j + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        r[j + 3] = HALVES(s[j + 1], s[j + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int j = 0; j < 4; j++) {
        s[j] = HALVES(r[j], r[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        s[j + 4] = HALVES(r[j], r[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int j = 0; j < 8; j++) memcpy(out + j * out_stride, &s[j], 32);
}

APUS_CLONES static void transpose_block(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns, int64_t item) {
    switch (item) {
    case 1: TRANSPOSE(uint8_t)
    case 2: TRANSPOSE(uint16_t)
    case 4:
        if (rows == BLOCK && columns == BLOCK) {
            for (int i = 0; i < BLOCK; i += 8)
                for (int j = 0; j < BLOCK; j += 8) transpose_8x8(out + i * out_stride + j * 4, out_stride, in + j * in_stride + i * 4, in_stride);
        } else {
            TRANSPOSE_ANY(uint32_t)
        }
        break;
    case 8: TRANSPOSE(uint64_t)
    default: TRANSPOSE_ANY(apus_c128) break;
    }
}

void apus_transpose(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns, int64_t item) {
    for (int64_t j = 0; j < columns; j += BLOCK)
        for (int64_t i = 0; i < rows; i += BLOCK)
            transpose_block(out + i * out_stride + j * item, out_stride, in + j * in_stride + i * item, in_stride, APUS_MIN(BLOCK, rows - i), APUS_MIN(BLOCK, columns - j), item);
}
