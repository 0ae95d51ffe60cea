/// The transposition of an 8 x 8 matrix by vector shuffles.
#ifndef APUS_COPY_TRANSPOSE_H
#define APUS_COPY_TRANSPOSE_H

#define APUS_HALVES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
/// Of eight vectors r, of eight elements each, into s; r is written over.
#define APUS_TRANSPOSE_8X8(r, s)                                                                                                                \
    do {                                                                                                                                        \
        for (int j = 0; j < 8; j += 2) {                                                                                                        \
            s[j] = APUS_HALVES(r[j], r[j + 1], 0, 8, 1, 9, 4, 12, 5, 13);                                                                       \
            s[j + 1] = APUS_HALVES(r[j], r[j + 1], 2, 10, 3, 11, 6, 14, 7, 15);                                                                 \
        }                                                                                                                                       \
        for (int j = 0; j < 8; j += 4) {                                                                                                        \
            r[j] = APUS_HALVES(s[j], s[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);                                                                       \
            r[j + 1] = APUS_HALVES(s[j], s[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);                                                                 \
            r[j + 2] = APUS_HALVES(s[j + 1], s[j + 3], 0, 1, 8, 9, 4, 5, 12, 13);                                                               \
            r[j + 3] = APUS_HALVES(s[j + 1], s[j + 3], 2, 3, 10, 11, 6, 7, 14, 15);                                                             \
        }                                                                                                                                       \
        for (int j = 0; j < 4; j++) {                                                                                                           \
            s[j] = APUS_HALVES(r[j], r[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);                                                                       \
            s[j + 4] = APUS_HALVES(r[j], r[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);                                                                 \
        }                                                                                                                                       \
    } while (0)
#endif
