/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3").
#ifndef APUS_PHILOX_H
#define APUS_PHILOX_H
#include "../support/internal.h"

/// Blocks made at once: lanes of a vector.
enum { APUS_PHILOX_LANES = 16, APUS_PHILOX_WORDS = 4 * APUS_PHILOX_LANES };

/// Blocks `first` ..< `first` + 16 of the stream: word w of block l is words[w][l].
APUS_INLINE void apus_philox_blocks(uint64_t seed, uint64_t first, uint32_t words[4][APUS_PHILOX_LANES]) {
    uint32_t *c0 = words[0], *c1 = words[1], *c2 = words[2], *c3 = words[3];
    for (int l = 0; l < APUS_PHILOX_LANES; l++) {
        uint64_t counter = first + (uint64_t)l;
        c0[l] = (uint32_t)counter;
        c1[l] = (uint32_t)(counter >> 32);
        c2[l] = 0;
        c3[l] = 0;
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < APUS_PHILOX_LANES; l++) {
            uint64_t p = (uint64_t)c0[l] * 0xD2511F53u, q = (uint64_t)c2[l] * 0xCD9E8D57u;
            uint32_t n0 = (uint32_t)(q >> 32) ^ c1[l] ^ k0, n2 = (uint32_t)(p >> 32) ^ c3[l] ^ k1;
            c1[l] = (uint32_t)q;
            c3[l] = (uint32_t)p;
            c0[l] = n0;
            c2[l] = n2;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}
#endif
