/// float64 functions that vectorise, within 1 ulp; float32 functions that need extra precision use them too.
#ifndef APUS_MATH_FLOAT64_H
#define APUS_MATH_FLOAT64_H
#include "../support/internal.h"

APUS_INLINE uint64_t apus_bits_f64(double x) {
    uint64_t b;
    memcpy(&b, &x, 8);
    return b;
}
APUS_INLINE double apus_from_bits_f64(uint64_t b) {
    double x;
    memcpy(&x, &b, 8);
    return x;
}

/// 1.5 * 2^52: adding it rounds to an integer, which the low bits then hold.
#define APUS_MAGIC_F64 6755399441055744.0

/// e^x: x = n ln 2 + r, |r| <= ln 2 / 2, e^r = 1 + r + r^2 P(r); 2^n in two factors, so that results may be denormal.
APUS_INLINE double apus_exp_f64(double x) {
    double held = x < -760.0 ? -760.0 : x;
    held = held > 720.0 ? 720.0 : held;
    double t = held * 1.4426950408889634074 + APUS_MAGIC_F64;
    double n = t - APUS_MAGIC_F64;
    double r = held - n * 6.93147180369123816490e-01; // the upper 33 bits of ln 2: exact
    r = r - n * 1.90821492927058770002e-10;
    double p = 2.04703823163530936e-09;
    p = p * r + 2.51172167279263392e-08;
    p = p * r + 2.75591077336664982e-07;
    p = p * r + 2.75572174987530580e-06;
    p = p * r + 2.48015844281205240e-05;
    p = p * r + 1.98412699170993830e-04;
    p = p * r + 1.38888888910375114e-03;
    p = p * r + 8.33333333330682664e-03;
    p = p * r + 4.16666666666593646e-02;
    p = p * r + 1.66666666666666990e-01;
    p = p * r + 5.00000000000000111e-01;
    double y = (p * (r * r) + r) + 1.0;
    // Halved with a bias, as unsigned: an arithmetic shift of 64-bit lanes is dear before AVX-512, and NaN leaves any bits here.
    uint64_t whole = apus_bits_f64(t) - apus_bits_f64(APUS_MAGIC_F64);
    uint64_t half = ((whole + 4096) >> 1) - 2048;
    double first = apus_from_bits_f64((half + 1023) << 52), second = apus_from_bits_f64((whole - half + 1023) << 52);
    return y * first * second;
}

/// By e^-|x|, which does not overflow: small results keep their precision.
APUS_INLINE double apus_sigmoid_f64(double x) {
    double e = apus_exp_f64(-__builtin_elementwise_abs(x));
    return (x < 0 ? e : 1.0) / (1.0 + e);
}

/// log x for positive, finite, normal x: x = 2^e m, m in [sqrt(1/2), sqrt(2)), with s = (m - 1) / (m + 1). `extra` is added to e.
APUS_INLINE double apus_log_core_f64(double x, double extra) {
    uint64_t bits = apus_bits_f64(x) + (0x3FF0000000000000u - 0x3FE6A09E00000000u); // the exponent field now steps at sqrt(1/2)
    // The field, at most 2047, becomes a double as the low bits of 2^52.
    double e = apus_from_bits_f64((bits >> 52) | 0x4330000000000000u) - (4503599627370496.0 + 1023.0) + extra;
    double m = apus_from_bits_f64((bits & 0x000FFFFFFFFFFFFFu) + 0x3FE6A09E00000000u);
    double f = m - 1.0, s = f / (2.0 + f), z = s * s;
    double p = 1.47921957084330147e-01;
    p = p * z + 1.53144557241206708e-01;
    p = p * z + 1.81835470264043314e-01;
    p = p * z + 2.22221989426527877e-01;
    p = p * z + 2.85714287382967669e-01;
    p = p * z + 3.99999999994363697e-01;
    p = p * z + 6.66666666666673069e-01;
    double h = 0.5 * f * f;
    return e * 6.93147180369123816490e-01 - ((h - (s * (h + p * z) + e * 1.90821492927058770002e-10)) - f);
}
APUS_INLINE double apus_log_f64(double x) {
    bool tiny = x < 2.2250738585072014e-308;
    double y = apus_log_core_f64(tiny ? x * 18014398509481984.0 : x, tiny ? -54.0 : 0.0);
    y = x == 0 ? -(double)INFINITY : y;
    y = x < 0 ? (double)NAN : y;
    return x == (double)INFINITY || x != x ? x : y;
}
/// log(1 + x), x > -1 known; what rounding 1 + x loses is put back.
APUS_INLINE double apus_log1p_f64(double x) {
    double u = 1.0 + x, lost = x - (u - 1.0);
    bool usable = u > 0 && u < (double)INFINITY;
    return apus_log_f64(u) + (usable ? lost / u : 0.0);
}
#endif
