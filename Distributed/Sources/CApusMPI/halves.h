// Half precision by its bits: compilers on older machines have no type for it.
#ifndef APUS_MPI_HALVES_H
#define APUS_MPI_HALVES_H

#include <stdint.h>
#include <string.h>

static inline float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of_bfloat16(uint16_t half) { return float_of_bits((uint32_t)half << 16); }

/// Rounds to nearest, ties to even.
static inline uint16_t bfloat16_of_float(float value) {
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float float_of_float16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    // Moved to float32's places the exponent is too small by 112, which a multiplication puts right, for subnormal numbers too.
    if (rest >= 0x7c00) return float_of_bits(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    return float_of_bits(sign | bits_of_float(float_of_bits(rest << 13) * 0x1p112f));
}

/// Rounds to nearest, ties to even.
static inline uint16_t float16_of_float(float value) {
    uint32_t bits = bits_of_float(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    // Below the normal numbers: adding 0.5 leaves as many bits as are kept, rounded by the addition.
    if (rest < 0x38800000) return (uint16_t)(sign | (bits_of_float(float_of_bits(rest) + 0.5f) - bits_of_float(0.5f)));
    return (uint16_t)(sign | (rest + 0xfff + (rest >> 13 & 1) - 0x38000000) >> 13);
}

#endif
