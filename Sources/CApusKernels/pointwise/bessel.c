/// Bessel functions of orders 0 and 1, and Airy's. Those of the first and second kind (J, Y) are libm's.
#define _GNU_SOURCE
#include "special.h"
#include "../support/internal.h"

/// The power series up to 20, whose terms are all positive; beyond it Hankel's expansion.
double apus_bessel_i(double x, int order, bool scaled) {
    double m = fabs(x), sign = order == 1 && x < 0 ? -1 : 1;
    if (x != x) return x;
    if (m <= 20) {
        double quarter = m * m / 4, term = order == 1 ? m / 2 : 1, sum = term;
        for (int k = 1; k < 80; k++) {
            term *= quarter / ((double)k * (k + order));
            sum += term;
            if (term < 1e-18 * sum) break;
        }
        return sign * (scaled ? sum * exp(-m) : sum);
    }
    double mu = order == 1 ? 4 : 0, term = 1, sum = 1;
    for (int k = 1; k < 40; k++) {
        double next = term * -(mu - (2.0 * k - 1) * (2.0 * k - 1)) / (8.0 * k * m);
        if (fabs(next) >= fabs(term) || fabs(next) < 1e-18) break;
        term = next;
        sum += term;
    }
    if (m == INFINITY) return sign * (scaled ? 0 : INFINITY);
    // The root of the product would overflow before its factors do.
    sum /= sqrt(2 * M_PI) * sqrt(m);
    // In two steps, since the result may exist where exp(x) does not.
    return sign * (scaled ? sum : exp(m / 2) * sum * exp(m / 2));
}

/// Up to 2 the series about 0 (Abramowitz and Stegun, 9.6.11); beyond, sqrt(x) exp(x) K(x) as a Chebyshev series in 4 / x - 1, whose coefficients were
/// computed with 40 digits.
double apus_bessel_k(double x, int order, bool scaled) {
    static const double far[2][24] = {
        {1.22015154103297773,    -0.0314481013119645005,  0.00156988388573005337, -0.000128495495816278026, 1.39498137188764994e-5,
         -1.83175552271911948e-6, 2.76681363944501508e-7,  -4.66048989768794767e-8, 8.57403401741422609e-9,  -1.69753450938906152e-9,
         3.57739728140032845e-10, -7.95748924447739704e-11, 1.85594911495492655e-11, -4.51459788337451918e-12, 1.14034058820734423e-12,
         -2.98009692314817835e-13, 8.03289077506837437e-14, -2.22751332674629636e-14, 6.34007647627664597e-15, -1.84859337792090717e-15,
         5.51205599940433336e-16, -1.67823112575490064e-16, 5.21039177764355411e-17, -1.64758059398426328e-17},
        {1.36031309524222133,    0.103923736576817238,    -0.00285781685962277939, 0.000195215518471351631, -1.93619797416608296e-5,
         2.40648494783721712e-6,  -3.50196060308781254e-7, 5.74108412545004929e-8, -1.0345762465678097e-8,  2.01504975519703462e-9,
         -4.19035475934192558e-10, 9.21831518760531413e-11, -2.12996783842779102e-11, 5.13963967348234354e-12, -1.28917396094982294e-12,
         3.34841966605224312e-13, -8.97670518201014607e-14, 2.47715442421959868e-14, -7.01983708921476885e-15, 2.03870316623986088e-15,
         -6.05704727064301782e-16, 1.83809357524304543e-16, -5.68946284919364837e-17, 1.79405104788635729e-17},
    };
    if (!(x >= 0)) return NAN;
    if (x == 0) return INFINITY;
    if (x <= 2) {
        // With the term number k of I(x), and the harmonic numbers that psi(k + 1) and psi(k + 2) are made of.
        double quarter = x * x / 4, term = order == 1 ? x / 2 : 1, harmonic = 0, sum = 0;
        for (int k = 0; k < 40; k++) {
            double psi = harmonic - 0.57721566490153286061;
            sum += term * (order == 1 ? psi + 0.5 / (k + 1) : psi);
            term *= quarter / ((k + 1.0) * (k + 1.0 + order));
            if (term < 1e-19 * fabs(sum)) break;
            harmonic += 1.0 / (k + 1);
        }
        double logarithm = log(x / 2) * apus_bessel_i(x, order, false);
        double value = order == 1 ? 1 / x + logarithm - sum : sum - logarithm;
        return scaled ? value * exp(x) : value;
    }
    double u = 8 / x - 2, b = 0, c = 0;
    for (int k = 23; k > 0; k--) {
        double next = u * b - c + far[order][k];
        c = b;
        b = next;
    }
    double value = (u / 2 * b - c + far[order][0]) / sqrt(x);
    return scaled ? value : exp(-x / 2) * value * exp(-x / 2);
}

/// sin(x) / x.
double apus_spherical_j0(double x) {
    if (fabs(x) == INFINITY) return 0;
    return fabs(x) < 1e-8 ? 1 : sin(x) / x;
}

/// Up to 10.5, the series about the next integer, whose coefficients follow from y'' = x y; beyond, the asymptotic expansions (Abramowitz and
/// Stegun, 10.4.59 and 10.4.60).
double apus_airy_ai(double x) {
    // The function and its derivative at -10, -9 ... 10.
    static const double known[21][2] = {
        {0.0402412384864431907, 0.996265044132790056},       {-0.0221337215473414037, -0.975663980926331595},
        {-0.0527050503563862026, 0.935560938198306551},      {0.184280835250505637, -0.771008168410126548},
        {-0.329145173629823105, 0.345935487281342895},       {0.35076100902411432, 0.327192818554443137},
        {-0.0702655329492895151, -0.79062857536858138},      {-0.378814293677658074, 0.314583769216598814},
        {0.227407428201685576, 0.618259020741691041},        {0.535560883292352119, -0.0101605671166452094},
        {0.355028053887817239, -0.258819403792806798},       {0.135292416312881416, -0.159147441296793213},
        {0.0349241304232743791, -0.0530903844336536317},     {0.00659113935746071914, -0.0119129767059513185},
        {0.000951563851204801874, -0.0019586409502041789},   {0.000108344428136074417, -0.000247413890868462476},
        {9.94769436025288957e-6, -0.0000247652003970349548}, {7.49212886399716708e-7, -2.00815089473879199e-6},
        {4.69220761609923163e-8, -1.34143929790678657e-7},   {2.47116843087248984e-9, -7.48064138965894641e-9},
        {1.10475325528986859e-10, -3.52063367673892364e-10},
    };
    double m = fabs(x);
    if (!(m < INFINITY)) return NAN;
    if (m <= 10.5) {
        double center = round(x), h = x - center;
        if (m > 10) center = copysign(10, x), h = x - center;
        const double *start = known[(int)center + 10];
        double before = 0, a = start[0], b = start[1], power = h, sum = a + b * h;
        for (int n = 0; n < 40; n++) {
            double next = (center * a + before) / ((n + 1.0) * (n + 2.0));
            before = a;
            a = b;
            b = next;
            power *= h;
            sum += next * power;
            if (n > 2 && fabs(power) * (fabs(a) + fabs(b)) < 1e-20 * fabs(sum)) break;
        }
        return sum;
    }
    // Terms of even and odd number.
    double zeta = 2.0 / 3 * m * sqrt(m), term = 1, sums[2] = {1, 0};
    for (int k = 1; k < 30; k++) {
        double next = term * (6.0 * k - 5) * (6.0 * k - 1) / (72.0 * k * zeta);
        if (next >= term || next < 1e-18) break;
        term = next;
        sums[k & 1] += x < 0 && (k & 2) ? -term : term;
    }
    double scale = 1 / (sqrt(M_PI) * sqrt(sqrt(m)));
    if (x > 0) return 0.5 * scale * exp(-zeta) * (sums[0] - sums[1]);
    // sin(zeta + pi / 4) and cos(zeta + pi / 4)
    double s = sin(zeta), c = cos(zeta);
    return scale * M_SQRT1_2 * ((s + c) * sums[0] - (c - s) * sums[1]);
}
