#ifndef APUS_CLAPACKE_SHIM_H
#define APUS_CLAPACKE_SHIM_H
// Complex numbers cross the boundary as plain pairs, which Swift can import.
typedef struct { float real, imaginary; } apus_lapack_complex_float;
typedef struct { double real, imaginary; } apus_lapack_complex_double;
#define lapack_complex_float apus_lapack_complex_float
#define lapack_complex_double apus_lapack_complex_double
#include <lapacke.h>
#endif
