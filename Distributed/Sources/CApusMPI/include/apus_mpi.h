// What the library needs of MPI, with types and constants that Swift can read: MPI's own are macros of the implementation.
//
// Calls are made by one thread at a time. Each starts a collective operation and waits for its end, or for the time that it is given.
#ifndef APUS_MPI_H
#define APUS_MPI_H

#include <stddef.h>
#include <stdint.h>

enum apus_mpi_code {
    APUS_MPI_OK = 0,
    /// MPI says so; the message is its own.
    APUS_MPI_FAILED = 1,
    /// The operation did not end in time. It still owns its buffers: nothing can be done with the group any more.
    APUS_MPI_TIMEOUT = 2,
    /// More elements than MPI's counts tell.
    APUS_MPI_TOO_LARGE = 3,
    /// The reduction is not defined on the dtype.
    APUS_MPI_UNSUPPORTED = 4,
    APUS_MPI_NO_MEMORY = 5,
};

/// How elements of several processes become one.
enum apus_mpi_reduction { APUS_MPI_SUM = 0, APUS_MPI_PRODUCT = 1, APUS_MPI_MINIMUM = 2, APUS_MPI_MAXIMUM = 3 };

typedef struct {
    int32_t code;
    char message[512];
} apus_mpi_status;

/// Processes that call collective operations together.
typedef struct apus_mpi_group apus_mpi_group;

/// Makes this process part of the job that it was started in, or a job of its own. Once only.
apus_mpi_status apus_mpi_initialize(apus_mpi_group **world);
/// Waits for all processes and leaves. Nothing may be called after it.
apus_mpi_status apus_mpi_finalize(void);
/// Ends every process of the job.
void apus_mpi_abort(int32_t code);

int32_t apus_mpi_rank(const apus_mpi_group *group);
int32_t apus_mpi_size(const apus_mpi_group *group);
/// A group of those processes that call with the same colour, 0 or above, in the order of `key`; null for those that call with a negative one.
apus_mpi_status apus_mpi_split(const apus_mpi_group *group, int32_t colour, int32_t key, apus_mpi_group **part);

// `seconds` is the time that an operation may take. `dtype` is the raw value of Apus's DType.

apus_mpi_status apus_mpi_barrier(const apus_mpi_group *group, double seconds);
/// In place.
apus_mpi_status apus_mpi_all_reduce(
    const apus_mpi_group *group, void *data, int64_t count, int32_t dtype, int32_t reduction, double seconds);
/// `count` is that of a process's part of the result.
apus_mpi_status apus_mpi_reduce_scatter(
    const apus_mpi_group *group, const void *input, void *output, int64_t count, int32_t dtype, int32_t reduction, double seconds);
apus_mpi_status apus_mpi_broadcast(const apus_mpi_group *group, void *data, int64_t bytes, int32_t root, double seconds);
/// `bytes` is that of a process's part.
apus_mpi_status apus_mpi_all_gather(const apus_mpi_group *group, const void *input, void *output, int64_t bytes, double seconds);
/// Rows of `row_bytes`: as many to each process, and from each, as the counts say, one after the other.
apus_mpi_status apus_mpi_all_to_all(
    const apus_mpi_group *group, const void *input, const int64_t *input_rows, void *output, const int64_t *output_rows,
    int64_t row_bytes, double seconds);

/// Multiplies elements of a floating-point or complex dtype.
void apus_mpi_scale(void *data, int64_t count, int32_t dtype, double factor);

#endif
