#ifndef APUS_CPU_H
#define APUS_CPU_H
#include <stdbool.h>

/// The instruction set that kernels were chosen for: "avx512", "avx2", or "baseline".
const char *apus_cpu_level(void);
/// Cores that the process may run on.
int apus_cpu_core_count(void);
/// The core that OpenBLAS has chosen its kernels for.
const char *apus_blas_core_name(void);
/// Sets OpenBLAS up, once per process: single-threaded, and with AVX-512 kernels where the processor has them but OpenBLAS misjudges it.
/// Returns whether a small product comes out right. Matrix kernels call it themselves.
bool apus_blas_initialize(void);
#endif
