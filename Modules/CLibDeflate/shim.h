#ifndef APUS_CLIBDEFLATE_SHIM_H
#define APUS_CLIBDEFLATE_SHIM_H
#include <libdeflate.h>
#endif
