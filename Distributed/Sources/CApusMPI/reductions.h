// Dtypes and reductions as MPI knows them.
#ifndef APUS_MPI_REDUCTIONS_H
#define APUS_MPI_REDUCTIONS_H

#include <mpi.h>
#include <stdint.h>

/// The raw values of Apus's DType.
enum {
    DTYPE_BOOL, DTYPE_UINT8, DTYPE_INT8, DTYPE_INT16, DTYPE_INT32, DTYPE_INT64, DTYPE_FLOAT16, DTYPE_BFLOAT16, DTYPE_FLOAT32,
    DTYPE_FLOAT64, DTYPE_COMPLEX64, DTYPE_COMPLEX128, DTYPE_COUNT
};

/// Makes the types and operations that MPI does not have. Gives MPI's code.
int apus_mpi_make_reductions(void);

/// MPI_DATATYPE_NULL for what is no dtype.
MPI_Datatype apus_mpi_datatype(int32_t dtype);
/// MPI_OP_NULL where the reduction is not defined.
MPI_Op apus_mpi_op(int32_t dtype, int32_t reduction);

#endif
