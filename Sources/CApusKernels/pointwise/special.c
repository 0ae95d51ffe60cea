#define _GNU_SOURCE
#include "special.h"
#include "../support/internal.h"

double apus_lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

float apus_nextafter(float x, float y, int64_t dtype) {
    if (dtype != APUS_FLOAT16 && dtype != APUS_BFLOAT16) return nextafterf(x, y);
    if (x != x || y != y) return x + y;
    if (x == y) return y;
    // Magnitudes are ordered as their bits are.
    uint16_t bits = apus_f32_to_bf16(x);
    _Float16 half = (_Float16)x;
    if (dtype == APUS_FLOAT16) memcpy(&bits, &half, 2);
    if (x == 0) bits = y < 0 ? 0x8001 : 1;
    else bits = (uint16_t)((x < y) == (x > 0) ? bits + 1 : bits - 1);
    if (dtype == APUS_BFLOAT16) return apus_bf16_to_f32(bits);
    memcpy(&half, &bits, 2);
    return (float)half;
}

/// Recurrence up to 10, then the asymptotic series; reflection below zero.
double apus_digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    double result = 0;
    if (x < 0) {
        if (x == floor(x)) return NAN;
        double fraction = x - trunc(x);
        result = -M_PI / tan(M_PI * fraction);
        x = 1 - x;
    }
    while (x < 10) {
        result -= 1 / x;
        x += 1;
    }
    if (x == 10) return result + 2.25175258906672110764;
    double y = 0;
    if (x < 1e17) {
        double z = 1 / (x * x);
        static const double c[] = {8.33333333333333333333E-2,  -2.10927960927960927961E-2, 7.57575757575757575758E-3, -4.16666666666666666667E-3,
                                   3.96825396825396825397E-3, -8.33333333333333333333E-3, 8.33333333333333333333E-2};
        double s = 0;
        for (int i = 0; i < 7; i++) s = s * z + c[i];
        y = z * s;
    }
    return result + log(x) - 0.5 / x - y;
}
