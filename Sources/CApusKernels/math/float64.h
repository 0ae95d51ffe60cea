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

/// e^(a^2) erfc(a) for 0 <= a <= 28: a polynomial in (a - 4) / (a + 4), over 1 + 2 a.
APUS_INLINE double apus_erfcx_positive_f64(double a) {
    double q = (a - 4.0) / (a + 4.0);
    double p = 1.25375501254507523e-09;
    p = p * q + 1.83682126178519566e-09;
    p = p * q + -1.40965033485692523e-08;
    p = p * q + -1.79203603163565520e-08;
    p = p * q + 1.10119185372150507e-07;
    p = p * q + 7.46401690889500429e-08;
    p = p * q + -8.25561003171953486e-07;
    p = p * q + 2.93817515687378677e-07;
    p = p * q + 5.70985344176464983e-06;
    p = p * q + -1.12220541594678806e-05;
    p = p * q + -2.43992748067351625e-05;
    p = p * q + 1.50621696052177383e-04;
    p = p * q + -1.99256675879898765e-04;
    p = p * q + -7.57773296476343364e-04;
    p = p * q + 5.03196997429316509e-03;
    p = p * q + -1.61977340561927467e-02;
    p = p * q + 3.71675155379226491e-02;
    p = p * q + -6.63303658123886586e-02;
    p = p * q + 9.37328349983213988e-02;
    p = p * q + -1.01039066036295602e-01;
    p = p * q + 6.80970542546934787e-02;
    p = p * q + 1.53796521026195766e-02;
    p = p * q + -1.39621116840562526e-01;
    p = p * q + 1.23299511862555256e+00;
    return p / (1.0 + 2.0 * a);
}
/// erfc(a) for 0 <= a <= 28; and e^(-a^2), whose exponent keeps what rounding the square loses.
APUS_INLINE double apus_erfc_positive_f64(double a, double *gauss) {
    double high = apus_from_bits_f64(apus_bits_f64(a) & 0xFFFFFFFFF8000000u); // 26 bits: its square is exact
    double square = a * a, lost = (high * high - square) + (a - high) * (a + high);
    double e = apus_exp_f64(-square);
    e = e - e * lost;
    *gauss = e;
    return e * apus_erfcx_positive_f64(a);
}
/// erf x for |x| <= 1.
APUS_INLINE double apus_erf_small_f64(double x) {
    double z = x * x;
    double s = 5.95717614774891131e-11;
    s = s * z + -1.13728488567916737e-09;
    s = s * z + 1.46597752740474363e-08;
    s = s * z + -1.63503127010546952e-07;
    s = s * z + 1.64610004841213676e-06;
    s = s * z + -1.49255952668311818e-05;
    s = s * z + 1.20553311116427105e-04;
    s = s * z + -8.54832698083379003e-04;
    s = s * z + 5.22397762481801448e-03;
    s = s * z + -2.68661706450767923e-02;
    s = s * z + 1.12837916709548791e-01;
    s = s * z + -3.76126389031837483e-01;
    s = s * z + 1.28379167095512586e-01;
    return x * s + x;
}
APUS_INLINE double apus_erf_f64(double x) {
    double a = __builtin_elementwise_abs(x), gauss;
    double held = a > 6.5 ? 6.5 : a; // beyond, the result is 1
    double large = __builtin_elementwise_copysign(1.0 - apus_erfc_positive_f64(held, &gauss), x);
    return a < 1.0 ? apus_erf_small_f64(x) : x != x ? x : large;
}
APUS_INLINE double apus_erfc_f64(double x) {
    double a = __builtin_elementwise_abs(x), gauss;
    double held = a > 28.0 ? 28.0 : a; // beyond, the result is 0 or 2
    double y = apus_erfc_positive_f64(held, &gauss), close = 1.0 - apus_erf_small_f64(x);
    return a < 0.5 ? close : x < 0 ? 2.0 - y : y;
}
/// The inverse of erf: a guess of seven digits in w = -log(1 - x^2) (Giles, 2010, of the form), then a step of Halley's, which triples them.
APUS_INLINE double apus_erfinv_f64(double x) {
    double a = __builtin_elementwise_abs(x), rest = 1.0 - a;
    double w = -apus_log_f64(rest * (1.0 + a));
    double u = w - 2.5, v = __builtin_elementwise_sqrt(w) - 3.0;
    double c = -8.931925970e-09;
    c = c * u + 2.333596720e-08;
    c = c * u + 4.681313481e-07;
    c = c * u + -3.463985268e-06;
    c = c * u + -4.972419689e-06;
    c = c * u + 2.183493862e-04;
    c = c * u + -1.252726392e-03;
    c = c * u + -4.177392875e-03;
    c = c * u + 2.466402791e-01;
    c = c * u + 1.501409360e+00;
    double t = -5.386116372e-07;
    t = t * v + 3.498886718e-06;
    t = t * v + 1.239114223e-05;
    t = t * v + -2.126359368e-04;
    t = t * v + 1.091519353e-03;
    t = t * v + -3.424006570e-03;
    t = t * v + 6.854902742e-03;
    t = t * v + 1.002657339e+00;
    t = t * v + 2.832801542e+00;
    double guess = w < 5.0 ? c * a : t, gauss;
    double held = guess > 28.0 ? 28.0 : guess;
    double complement = apus_erfc_positive_f64(held, &gauss), whole = apus_erf_small_f64(held > 1.0 ? 1.0 : held);
    double miss = a < 0.8 ? whole - a : rest - complement;
    double step = miss * 0.88622692545275801365 / gauss;
    double y = guess - step / (1.0 + guess * step);
    y = a == 1.0 ? (double)INFINITY : y;
    return __builtin_elementwise_copysign(y, x);
}
#endif
