#ifndef APUS_KERNELS_H
#define APUS_KERNELS_H
#include <stdint.h>
int apus_placeholder(void);
#endif
