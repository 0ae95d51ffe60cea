#ifndef APUS_CMPI_SHIM_H
#define APUS_CMPI_SHIM_H
#include <mpi.h>
#endif
