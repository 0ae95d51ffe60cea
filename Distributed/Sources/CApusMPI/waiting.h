// The group as the library's files see it, and how calls end.
#ifndef APUS_MPI_WAITING_H
#define APUS_MPI_WAITING_H

#include "apus_mpi.h"

#include <mpi.h>

struct apus_mpi_group {
    MPI_Comm comm;
    int rank, size;
};

apus_mpi_status apus_mpi_ok(void);
apus_mpi_status apus_mpi_fail(int32_t code, const char *message);
/// MPI's code with its text.
apus_mpi_status apus_mpi_status_of(int code);

/// Waits for requests, where they could be made: `code` is MPI's.
apus_mpi_status apus_mpi_finish(int code, int count, MPI_Request *requests, double seconds);

static inline apus_mpi_status apus_mpi_finish_one(int code, MPI_Request *request, double seconds) {
    return apus_mpi_finish(code, 1, request, seconds);
}

// A ring of all processes, for what is large: each sends its parts to the next one, and every byte crosses each wire twice at most. MPI's own
// operations that don't block send everything along a tree.

/// Whether a ring is faster than a tree: its messages are many, and have to be worth it.
static inline int is_for_ring(const apus_mpi_group *group, int64_t count, MPI_Aint extent) {
    int64_t bytes = count * extent;
    return group->size > 1 && bytes >= 1 << 16 && bytes / group->size >= 1 << 14;
}

/// In place: afterwards this process's part, of as many parts as there are processes, is the reduction.
apus_mpi_status apus_mpi_ring_reduce_scatter(
    const apus_mpi_group *group, char *data, int count, MPI_Datatype type, MPI_Aint extent, MPI_Op op, double seconds);
/// In place: from this process's part to all of them.
apus_mpi_status apus_mpi_ring_all_gather(
    const apus_mpi_group *group, char *data, int count, MPI_Datatype type, MPI_Aint extent, double seconds);

#endif
