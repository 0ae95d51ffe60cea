/// Polygamma and zeta functions.
#define _GNU_SOURCE
#include "special.h"
#include "../support/internal.h"

/// The sum over k >= 0 for q > 0: ten terms, then Euler's and Maclaurin's formula.
static double zeta_positive(double s, double q) {
    // B(2k) / (2k)!
    static const double c[] = {1.0 / 12,           -1.0 / 720,          1.0 / 30240,         -1.0 / 1209600,      1.0 / 47900160,
                               -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225829e-13, 8.5860620562778446e-15, -2.1748686985580619e-16};
    double sum = 0, a = q;
    for (int k = 0; k < 10; k++, a += 1) sum += pow(a, -s);
    double power = pow(a, -s), factor = s;
    double tail = power * a / (s - 1) + power / 2;
    power /= a;
    for (int k = 0; k < 10; k++) {
        double term = c[k] * factor * power;
        tail += term;
        if (!(fabs(term) > 1e-17 * fabs(sum + tail))) break;
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2);
        power /= a * a;
    }
    return sum + tail;
}

double apus_zeta(double s, double q) {
    if (s != s || q != q || s < 1) return NAN;
    if (s == 1) return INFINITY;
    if (s == INFINITY) return q > 1 ? 0 : q == 1 ? 1 : INFINITY; // powers of the smallest magnitude among k + q
    if (q > 0) return q == INFINITY ? 0 : zeta_positive(s, q);
    if (q == floor(q)) return INFINITY;
    if (s != floor(s)) return NAN;
    // The terms below zero are a sum of their own, which begins at the distance of the last of them.
    double distance = ceil(q) - q;
    double below = zeta_positive(s, distance) - zeta_positive(s, 1 - q);
    return zeta_positive(s, 1 - distance) + (fmod(s, 2) == 0 ? below : -below);
}

#define TRIGAMMA(NAME, T, SIN, STEPS)                                                                                                               \
    T NAME(T x) {                                                                                                                               \
        T sign = 1, result = 0;                                                                                                                 \
        if (x < (T)0.5) {                                                                                                                       \
            sign = -1;                                                                                                                          \
            T s = SIN((T)M_PI * x);                                                                                                             \
            result = -((T)M_PI * (T)M_PI) / (s * s);                                                                                            \
            x = 1 - x;                                                                                                                          \
        }                                                                                                                                       \
        for (int k = 0; k < STEPS; k++, x += 1) result += 1 / (x * x);                                                                              \
        T z = 1 / (x * x);                                                                                                                      \
        result += (1 + 1 / (2 * x) + z * ((T)(1.0 / 6) - z * ((T)(1.0 / 30) - z * ((T)(1.0 / 42) - z * ((T)(1.0 / 30) - z * (T)(5.0 / 66)))))) / x;  \
        return sign * result;                                                                                                                   \
    }
TRIGAMMA(trigamma_f32, float, sinf, 6)
TRIGAMMA(trigamma_f64, double, sin, 16)
float apus_trigamma_f32(float x) { return trigamma_f32(x); }
/// Far out, where squares do not fit, 1 / x is all that is left of the series.
double apus_trigamma(double x) { return x > 1e100 ? 1 / x : x >= 0.5 ? zeta_positive(2, x) : trigamma_f64(x); }

double apus_polygamma(int64_t n, double x) {
    if (n == 0) return apus_digamma(x);
    double magnitude = exp(apus_lgamma((double)n + 1)) * apus_zeta((double)n + 1, x);
    return n & 1 ? magnitude : -magnitude;
}
