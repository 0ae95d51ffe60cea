#include "waiting.h"

#include <stdlib.h>

// Source: Patarasuk and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009.

/// Where a part begins, of as many as there are processes: the first ones have an element more.
static int64_t part_start(const apus_mpi_group *group, int count, int part) {
    int64_t whole = count / group->size, more = count % group->size;
    return part * whole + (part < more ? part : more);
}

static int part_count(const apus_mpi_group *group, int count, int part) {
    return (int)(part_start(group, count, part + 1) - part_start(group, count, part));
}

/// Sends to the next process and gets from the one before.
static apus_mpi_status exchange(
    const apus_mpi_group *group, const char *sent, int sent_count, char *got, int got_count, MPI_Datatype type, double seconds) {
    int size = group->size;
    MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    int code = MPI_Irecv(got, got_count, type, (group->rank + size - 1) % size, 0, group->comm, &requests[0]);
    if (code == MPI_SUCCESS) code = MPI_Isend(sent, sent_count, type, (group->rank + 1) % size, 0, group->comm, &requests[1]);
    return apus_mpi_finish(code, 2, requests, seconds);
}

apus_mpi_status apus_mpi_ring_reduce_scatter(
    const apus_mpi_group *group, char *data, int count, MPI_Datatype type, MPI_Aint extent, MPI_Op op, double seconds) {
    int size = group->size;
    char *coming = malloc((size_t)(part_count(group, count, 0) * extent));
    if (!coming) return apus_mpi_fail(APUS_MPI_NO_MEMORY, "");
    apus_mpi_status status = apus_mpi_ok();
    for (int step = 1; step < size && status.code == APUS_MPI_OK; step++) {
        int sent = (group->rank + size - step) % size, got = (group->rank + 2 * size - step - 1) % size;
        int got_count = part_count(group, count, got);
        status = exchange(
            group, data + part_start(group, count, sent) * extent, part_count(group, count, sent), coming, got_count, type, seconds);
        if (status.code == APUS_MPI_OK)
            status = apus_mpi_status_of(MPI_Reduce_local(coming, data + part_start(group, count, got) * extent, got_count, type, op));
    }
    // An exchange that did not end may still write here: the job ends, and the memory with it.
    if (status.code == APUS_MPI_OK) free(coming);
    return status;
}

apus_mpi_status apus_mpi_ring_all_gather(
    const apus_mpi_group *group, char *data, int count, MPI_Datatype type, MPI_Aint extent, double seconds) {
    int size = group->size;
    apus_mpi_status status = apus_mpi_ok();
    for (int step = 0; step + 1 < size && status.code == APUS_MPI_OK; step++) {
        int sent = (group->rank + size - step) % size, got = (group->rank + 2 * size - step - 1) % size;
        status = exchange(
            group, data + part_start(group, count, sent) * extent, part_count(group, count, sent),
            data + part_start(group, count, got) * extent, part_count(group, count, got), type, seconds);
    }
    return status;
}
