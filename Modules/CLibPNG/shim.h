#ifndef APUS_CLIBPNG_SHIM_H
#define APUS_CLIBPNG_SHIM_H
#include <png.h>
#endif
