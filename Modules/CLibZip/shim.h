#ifndef APUS_CLIBZIP_SHIM_H
#define APUS_CLIBZIP_SHIM_H
#include <zip.h>
#endif
