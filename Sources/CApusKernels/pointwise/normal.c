/// The scaled error function, and the normal distribution's inverse and logarithm.
#define _GNU_SOURCE
#include "special.h"
#include "../support/internal.h"
#include "../math/float64.h"

double apus_erfcx(double x) {
    if (x != x) return x;
    if (x < 0) {
        // e^(x^2) in two factors: what rounding the square loses is as much as its last digits.
        double square = x * x, lost = fma(x, x, -square);
        if (square > 709) return exp(square / 2) * 2 * exp(square / 2);
        double gauss = exp(square);
        return 2 * (gauss + gauss * lost) - apus_erfcx(-x);
    }
    if (x <= 28) return apus_erfcx_positive_f64(x);
    // Abramowitz and Stegun, 7.1.23.
    double z = x > 1e100 ? 0 : 1 / (2 * x * x);
    return (1 - z * (1 - 3 * z * (1 - 5 * z * (1 - 7 * z * (1 - 9 * z))))) / x * (M_2_SQRTPI / 2);
}

/// The quotient of two polynomials, the highest coefficient first.
static double ratio(const double *over, const double *under, double x) {
    double p = over[0], q = under[0];
    for (int i = 1; i < 8; i++) p = p * x + over[i], q = q * x + under[i];
    return p / q;
}

/// M. Wichura, 'Algorithm AS 241: The percentage points of the normal distribution', 1988.
double apus_ndtri(double p) {
    static const double middle[2][8] = {
        {2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125, 1971.5909503065514427,
         133.14166789178437745, 3.387132872796366608},
        {5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077, 687.1870074920579083,
         42.313330701600911252, 1},
    };
    static const double near[2][8] = {
        {7.7454501427834140764e-4, .0227238449892691845833, .24178072517745061177, 1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055,
         4.6303378461565452959, 1.42343711074968357734},
        {1.05075007164441684324e-9, 5.475938084995344946e-4, .0151986665636164571966, .14810397642748007459, .68976733498510000455, 1.6763848301838038494,
         2.05319162663775882187, 1},
    };
    static const double far[2][8] = {
        {2.01033439929228813265e-7, 2.71155556874348757815e-5, .0012426609473880784386, .026532189526576123093, .29656057182850489123,
         1.78482653991729133580, 5.4637849111641143699, 6.6579046435011037772},
        {2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4, .0148753612908506148525,
         .13692988092273580531, .59983220655588793769, 1},
    };
    if (!(p >= 0 && p <= 1)) return NAN;
    if (p == 0 || p == 1) return p == 0 ? -INFINITY : INFINITY;
    double q = p - 0.5;
    if (fabs(q) <= 0.425) return q * ratio(middle[0], middle[1], 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double value = r <= 5 ? ratio(near[0], near[1], r - 1.6) : ratio(far[0], far[1], r - 5);
    return q < 0 ? -value : value;
}

double apus_log_ndtr(double x) {
    double t = x * M_SQRT1_2;
    return x < -1 ? log(apus_erfcx(-t) / 2) - t * t : log1p(-erfc(t) / 2);
}
