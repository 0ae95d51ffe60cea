/// The regularised incomplete gamma functions.
#define _GNU_SOURCE
#include "special.h"
#include "../support/internal.h"

/// log(1 + x) - x, which is about -x^2 / 2.
static double log1p_less(double x) {
    if (fabs(x) > 0.1) return log1p(x) - x;
    // By s = x / (2 + x): log(1 + x) = 2 (s + s^3 / 3 + ...), and 2 s - x = -s x.
    double s = x / (2 + x), square = s * s, power = s * square, sum = 0;
    for (int k = 3; k < 40; k += 2, power *= square) {
        sum += power / k;
        if (fabs(power) < 1e-19 * fabs(sum)) break;
    }
    return 2 * sum - s * x;
}

/// What Stirling's formula leaves of lgamma(a), for a from 10 on.
static double stirling_rest(double a) {
    double z = 1 / (a * a);
    return (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188 - z * (691.0 / 360360)))))) / a;
}

/// x^a e^-x / gamma(a + 1).
static double front(double a, double x) {
    if (a >= 10) {
        double share = x < a / 2 ? a * (log(x / a) + 1) - x : a * log1p_less((x - a) / a);
        return exp(share - stirling_rest(a)) / sqrt(2 * M_PI * a);
    }
    double exponent = a * log(x) - x;
    return exponent > -700 ? exp(exponent) / tgamma(a + 1) : exp(exponent - apus_lgamma(a + 1));
}

/// The series for P (DLMF 8.7.1).
static double series(double a, double x) {
    double term = 1, sum = 1;
    for (int k = 1; k < 100000; k++) {
        term *= x / (a + k);
        sum += term;
        if (term < 1e-17 * sum) break;
    }
    return front(a, x) * sum;
}

/// The continued fraction for Q (DLMF 8.9.2), by Lentz's method.
static double fraction(double a, double x) {
    double b = x + 1 - a, c = 1e300, d = 1 / b, value = d;
    for (int k = 1; k < 100000; k++) {
        double over = -k * (k - a);
        b += 2;
        d = 1 / (over * d + b);
        c = b + over / c;
        value *= c * d;
        if (fabs(c * d - 1) < 1e-16) break;
    }
    return front(a, x) * a * value;
}

/// log gamma(1 + a) for small a.
static double lgamma_of_next(double a) {
    if (fabs(a) > 0.1) return apus_lgamma(1 + a);
    // The zeta function at k, over k.
    static const double c[] = {0.822467033424113218, 0.400685634386531428, 0.270580808427784548, 0.207385551028673985, 0.16955717699740819,
                               0.144049896768846118, 0.125509669524743042, 0.11133426586956469,  0.100099457512781809, 0.0909540171458290422,
                               0.083353840546109004, 0.0769325164113521915, 0.0714329462953613361, 0.066668705882420468, 0.0625009551412130407};
    double sum = 0;
    for (int k = 14; k >= 0; k--) sum = -a * sum + c[k];
    return a * (a * sum - 0.57721566490153286061);
}

/// Q where x is small (DLMF 8.7.3), without the difference of 1 and P that a small a would leave nothing of.
static double small_complement(double a, double x) {
    double power = 1, sum = 0;
    for (int k = 1; k < 100; k++) {
        power *= -x / k;
        sum += power / (a + k);
        if (fabs(power) < 1e-18 * fabs(sum)) break;
    }
    double exponent = a * log(x) - lgamma_of_next(a);
    return -expm1(exponent) - a * exp(exponent) * sum;
}

/// Both near x = a for large a (Temme, DLMF 8.12.3 to 8.12.8; the coefficients' Taylor series).
static double uniform(double a, double x, bool upper) {
    static const double c0[] = {-0.333333333333333333, 0.0833333333333333333, -0.0148148148148148148, 0.00115740740740740741, 3.527336860670194e-4,
                                -1.78755144032921811e-4, 3.91926317852243778e-5, -2.18544851067999216e-6, -1.85406221071515996e-6,
                                8.29671134095308601e-7, -1.76659527368260793e-7, 6.70785354340149858e-9};
    static const double c1[] = {-0.001851851851851852, -0.003472222222222222, 0.002645502645502646, -9.902263374485597e-4, 2.05761316872428e-4};
    static const double c2[] = {0.0041335978836, -0.00268132716, 7.716049e-4};
    double mu = (x - a) / a, eta = copysign(sqrt(-2 * log1p_less(mu)), mu);
    double first = 0, second = 0, third = 0;
    for (int k = 11; k >= 0; k--) first = first * eta + c0[k];
    for (int k = 4; k >= 0; k--) second = second * eta + c1[k];
    for (int k = 2; k >= 0; k--) third = third * eta + c2[k];
    double rest = exp(-a * eta * eta / 2) / sqrt(2 * M_PI * a) * (first + (second + third / a) / a);
    double tail = erfc((upper ? eta : -eta) * sqrt(a / 2)) / 2;
    return upper ? tail + rest : tail - rest;
}

static bool is_uniform(double a, double x) { return a > 10000 && fabs(x - a) < 0.1 * a; }

double apus_igamma(double a, double x) {
    if (!(a >= 0 && x >= 0)) return NAN;
    if (a == 0) return x > 0 ? 1 : NAN;
    if (x == 0) return 0;
    if (isinf(a)) return isinf(x) ? NAN : 0;
    if (isinf(x)) return 1;
    if (is_uniform(a, x)) return uniform(a, x, false);
    return x > 1 && x > a ? 1 - fraction(a, x) : series(a, x);
}

double apus_igammac(double a, double x) {
    if (!(a >= 0 && x >= 0)) return NAN;
    if (a == 0) return x > 0 ? 0 : NAN;
    if (x == 0) return 1;
    if (isinf(a)) return isinf(x) ? NAN : 1;
    if (isinf(x)) return 0;
    if (is_uniform(a, x)) return uniform(a, x, true);
    if (x > 1 && x > a) return fraction(a, x);
    return x <= 1 && a <= 1 ? small_complement(a, x) : 1 - series(a, x);
}
