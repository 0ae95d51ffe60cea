/// Scalar special functions that libm lacks.
#ifndef APUS_SPECIAL_H
#define APUS_SPECIAL_H
#include <stdbool.h>
#include <stdint.h>
double apus_digamma(double x);
/// The digamma function's derivative. Reflection below 1/2 is done in the type at hand, so that poles come out as in PyTorch.
double apus_trigamma(double x);
float apus_trigamma_f32(float x);
/// Derivative number n > 0 of the digamma function.
double apus_polygamma(int64_t n, double x);
/// The Hurwitz zeta function, the sum of (k + q)^-s over k = 0, 1, 2 ...; infinite at q = 0, -1 ... and for s = 1, NaN for s < 1.
double apus_zeta(double s, double q);
/// The modified Bessel function of the first kind of order 0 or 1, times exp(-|x|) where `scaled`.
double apus_bessel_i(double x, int order, bool scaled);
/// The modified Bessel function of the second kind of order 0 or 1, times exp(x) where `scaled`; NaN below 0.
double apus_bessel_k(double x, int order, bool scaled);
/// sin(x) / x.
double apus_spherical_j0(double x);
/// Airy's function Ai.
double apus_airy_ai(double x);
/// exp(x^2) erfc(x).
double apus_erfcx(double x);
/// The normal distribution's quantiles, and the logarithm of its cumulative function.
double apus_ndtri(double p);
double apus_log_ndtr(double x);
/// The regularised incomplete gamma functions P(a, x) and Q = 1 - P, of what is not negative.
double apus_igamma(double a, double x);
double apus_igammac(double a, double x);
/// The number next to x on the way to y among those of APUS_FLOAT16 or APUS_BFLOAT16, or else of float.
float apus_nextafter(float x, float y, int64_t dtype);
/// lgamma without the global sign.
double apus_lgamma(double x);
#endif
