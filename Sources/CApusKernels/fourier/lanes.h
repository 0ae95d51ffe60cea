/// Shuffles of registers of 64 bytes: of two halves, and back; of lanes of 16 bytes of two; and the transposition of the square that each lane of 4 or 2
/// registers is.
#ifndef APUS_FOURIER_LANES_H
#define APUS_FOURIER_LANES_H
#include "../copy/transpose.h"

#define TOGETHER_f32(a, b) APUS_HALVES(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define TOGETHER_f64(a, b) APUS_HALVES(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define LOW_HALF_f32(v) APUS_HALVES(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
#define LOW_HALF_f64(v) APUS_HALVES(v, v, 0, 1, 2, 3)
#define HIGH_HALF_f32(v) APUS_HALVES(v, v, 8, 9, 10, 11, 12, 13, 14, 15)
#define HIGH_HALF_f64(v) APUS_HALVES(v, v, 4, 5, 6, 7)
#define FOUR_LANES_f32(a, b, i, j, k, l)                                                                                                        \
    APUS_HALVES(a, b, 4 * (i), 4 * (i) + 1, 4 * (i) + 2, 4 * (i) + 3, 4 * (j), 4 * (j) + 1, 4 * (j) + 2, 4 * (j) + 3, 4 * (k), 4 * (k) + 1,     \
                4 * (k) + 2, 4 * (k) + 3, 4 * (l), 4 * (l) + 1, 4 * (l) + 2, 4 * (l) + 3)
#define FOUR_LANES_f64(a, b, i, j, k, l)                                                                                                        \
    APUS_HALVES(a, b, 2 * (i), 2 * (i) + 1, 2 * (j), 2 * (j) + 1, 2 * (k), 2 * (k) + 1, 2 * (l), 2 * (l) + 1)
#define EVEN_LANES(a, b) JOIN(FOUR_LANES, SUFFIX)(a, b, 0, 2, 4, 6)
#define ODD_LANES(a, b) JOIN(FOUR_LANES, SUFFIX)(a, b, 1, 3, 5, 7)
#define FIRST_LANES(a, b) JOIN(FOUR_LANES, SUFFIX)(a, b, 0, 4, 1, 5)
#define LAST_LANES(a, b) JOIN(FOUR_LANES, SUFFIX)(a, b, 2, 6, 3, 7)
#define LOW_f32(a, b) APUS_HALVES(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH_f32(a, b) APUS_HALVES(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS_f32(a, b) APUS_HALVES(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH_PAIRS_f32(a, b) APUS_HALVES(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define TURN_f32(r)                                                                                                                             \
    do {                                                                                                                                        \
        __typeof__(r[0]) a = LOW_f32(r[0], r[1]), b = HIGH_f32(r[0], r[1]), c = LOW_f32(r[2], r[3]), d = HIGH_f32(r[2], r[3]);                  \
        r[0] = LOW_PAIRS_f32(a, c), r[1] = HIGH_PAIRS_f32(a, c), r[2] = LOW_PAIRS_f32(b, d), r[3] = HIGH_PAIRS_f32(b, d);                       \
    } while (0)
#define TURN_f64(r)                                                                                                                             \
    do {                                                                                                                                        \
        __typeof__(r[0]) a = APUS_HALVES(r[0], r[1], 0, 8, 2, 10, 4, 12, 6, 14);                                                                \
        r[1] = APUS_HALVES(r[0], r[1], 1, 9, 3, 11, 5, 13, 7, 15), r[0] = a;                                                                    \
    } while (0)
#endif
