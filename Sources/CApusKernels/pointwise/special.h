/// Scalar special functions that libm lacks.
#ifndef APUS_SPECIAL_H
#define APUS_SPECIAL_H
double apus_digamma(double x);
double apus_erfinv(double x);
/// lgamma without the global sign.
double apus_lgamma(double x);
#endif
