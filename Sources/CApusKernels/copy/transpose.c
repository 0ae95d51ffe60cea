/// Transposition by blocks that fit into registers and cache lines.
#include "../pointwise/loops.h"
#include "transpose.h"

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

/// Elements of four and of eight bytes.
typedef uint32_t line8 __attribute__((vector_size(32), aligned(4)));
typedef uint64_t long_line8 __attribute__((vector_size(64), aligned(8)));
#define TRANSPOSE_8X8(NAME, LINE)                                                                                                               \
    APUS_CLONES static void NAME(char *out, int64_t out_stride, const char *in, int64_t in_stride) {                                            \
        LINE r[8], s[8];                                                                                                                        \
        for (int j = 0; j < 8; j++) memcpy(&r[j], in + j * in_stride, sizeof(LINE));                                                            \
        APUS_TRANSPOSE_8X8(r, s);                                                                                                               \
        for (int j = 0; j < 8; j++) memcpy(out + j * out_stride, &s[j], sizeof(LINE));                                                          \
    }
TRANSPOSE_8X8(transpose_8x8, line8)
TRANSPOSE_8X8(transpose_long_8x8, long_line8)

/// What is whole eights of both by vectors, the rest one by one.
#define TRANSPOSE_EIGHTS(TYPE, EIGHT)                                                                                                           \
    {                                                                                                                                           \
        int64_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;                                                                     \
        for (int64_t i = 0; i < whole_rows; i += 8)                                                                                             \
            for (int64_t j = 0; j < whole_columns; j += 8)                                                                                      \
                EIGHT(out + i * out_stride + j * (int64_t)sizeof(TYPE), out_stride, in + j * in_stride + i * (int64_t)sizeof(TYPE), in_stride);   \
        for (int64_t i = 0; i < rows; i++)                                                                                                      \
            for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; j++)                                                              \
                *(TYPE *)(out + i * out_stride + j * (int64_t)sizeof(TYPE)) = *(const TYPE *)(in + j * in_stride + i * (int64_t)sizeof(TYPE));    \
        break;                                                                                                                                  \
    }

APUS_CLONES static void transpose_block(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns, int64_t item) {
    switch (item) {
    case 1: TRANSPOSE(uint8_t)
    case 2: TRANSPOSE(uint16_t)
    case 4: TRANSPOSE_EIGHTS(uint32_t, transpose_8x8)
    case 8: TRANSPOSE_EIGHTS(uint64_t, transpose_long_8x8)
    default: TRANSPOSE_ANY(apus_c128) break;
    }
}

void apus_transpose(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns, int64_t item) {
    for (int64_t j = 0; j < columns; j += BLOCK)
        for (int64_t i = 0; i < rows; i += BLOCK)
            transpose_block(out + i * out_stride + j * item, out_stride, in + j * in_stride + i * item, in_stride, APUS_MIN(BLOCK, rows - i), APUS_MIN(BLOCK, columns - j), item);
}
