#include "apus_mpi.h"
#include "reductions.h"
#include "waiting.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/// MPI's failures are codes, which end nobody, for the group's calls.
static apus_mpi_status make_group(MPI_Comm comm, apus_mpi_group **group) {
    apus_mpi_group *made = malloc(sizeof *made);
    if (!made) return apus_mpi_fail(APUS_MPI_NO_MEMORY, "");
    made->comm = comm;
    int code = MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(comm, &made->rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(comm, &made->size);
    if (code == MPI_SUCCESS) {
        *group = made;
    } else {
        free(made);
    }
    return apus_mpi_status_of(code);
}

apus_mpi_status apus_mpi_initialize(apus_mpi_group **world) {
    int provided = MPI_THREAD_SINGLE, code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    if (code != MPI_SUCCESS) return apus_mpi_status_of(code);
    if (provided < MPI_THREAD_SERIALIZED) return apus_mpi_fail(APUS_MPI_FAILED, "this MPI can't be called by more than one thread");
    code = apus_mpi_make_reductions();
    if (code != MPI_SUCCESS) return apus_mpi_status_of(code);
    // Not the job's own: nobody else's messages come in between.
    MPI_Comm comm;
    code = MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    return code == MPI_SUCCESS ? make_group(comm, world) : apus_mpi_status_of(code);
}

apus_mpi_status apus_mpi_finalize(void) { return apus_mpi_status_of(MPI_Finalize()); }

void apus_mpi_abort(int32_t code) { MPI_Abort(MPI_COMM_WORLD, code); }

int32_t apus_mpi_rank(const apus_mpi_group *group) { return group->rank; }
int32_t apus_mpi_size(const apus_mpi_group *group) { return group->size; }

apus_mpi_status apus_mpi_split(const apus_mpi_group *group, int32_t colour, int32_t key, apus_mpi_group **part) {
    MPI_Comm comm = MPI_COMM_NULL;
    *part = NULL;
    int code = MPI_Comm_split(group->comm, colour < 0 ? MPI_UNDEFINED : colour, key, &comm);
    return code == MPI_SUCCESS && comm != MPI_COMM_NULL ? make_group(comm, part) : apus_mpi_status_of(code);
}

apus_mpi_status apus_mpi_barrier(const apus_mpi_group *group, double seconds) {
    MPI_Request request;
    return apus_mpi_finish_one(MPI_Ibarrier(group->comm, &request), &request, seconds);
}

/// How many elements go into one call: MPI's counts are of 32 bits.
enum { MOST = 1 << 30 };

apus_mpi_status apus_mpi_all_reduce(
    const apus_mpi_group *group, void *data, int64_t count, int32_t dtype, int32_t reduction, double seconds) {
    MPI_Op op = apus_mpi_op(dtype, reduction);
    if (op == MPI_OP_NULL) return apus_mpi_fail(APUS_MPI_UNSUPPORTED, "");
    MPI_Datatype type = apus_mpi_datatype(dtype);
    MPI_Aint low, extent;
    apus_mpi_status status = apus_mpi_status_of(MPI_Type_get_extent(type, &low, &extent));
    for (int64_t start = 0; start < count && status.code == APUS_MPI_OK; start += MOST) {
        int part = count - start < MOST ? (int)(count - start) : MOST;
        char *place = (char *)data + start * extent;
        if (is_for_ring(group, part, extent)) {
            status = apus_mpi_ring_reduce_scatter(group, place, part, type, extent, op, seconds);
            if (status.code == APUS_MPI_OK) status = apus_mpi_ring_all_gather(group, place, part, type, extent, seconds);
        } else {
            MPI_Request request;
            status = apus_mpi_finish_one(MPI_Iallreduce(MPI_IN_PLACE, place, part, type, op, group->comm, &request), &request, seconds);
        }
    }
    return status;
}

apus_mpi_status apus_mpi_reduce_scatter(
    const apus_mpi_group *group, const void *input, void *output, int64_t count, int32_t dtype, int32_t reduction, double seconds) {
    MPI_Op op = apus_mpi_op(dtype, reduction);
    if (op == MPI_OP_NULL) return apus_mpi_fail(APUS_MPI_UNSUPPORTED, "");
    if (count > INT_MAX) return apus_mpi_fail(APUS_MPI_TOO_LARGE, "");
    MPI_Datatype type = apus_mpi_datatype(dtype);
    MPI_Aint low, extent;
    int code = MPI_Type_get_extent(type, &low, &extent);
    if (code != MPI_SUCCESS) return apus_mpi_status_of(code);
    int64_t all = count * group->size;
    if (all <= MOST && is_for_ring(group, all, extent)) {
        // The ring adds in place.
        char *copy = malloc((size_t)(all * extent));
        if (!copy) return apus_mpi_fail(APUS_MPI_NO_MEMORY, "");
        memcpy(copy, input, (size_t)(all * extent));
        apus_mpi_status status = apus_mpi_ring_reduce_scatter(group, copy, (int)all, type, extent, op, seconds);
        if (status.code == APUS_MPI_OK) memcpy(output, copy + group->rank * count * extent, (size_t)(count * extent));
        if (status.code == APUS_MPI_OK) free(copy);
        return status;
    }
    MPI_Request request;
    code = MPI_Ireduce_scatter_block(input, output, (int)count, type, op, group->comm, &request);
    return apus_mpi_finish_one(code, &request, seconds);
}

apus_mpi_status apus_mpi_broadcast(const apus_mpi_group *group, void *data, int64_t bytes, int32_t root, double seconds) {
    apus_mpi_status status = apus_mpi_ok();
    for (int64_t start = 0; start < bytes && status.code == APUS_MPI_OK; start += MOST) {
        int part = bytes - start < MOST ? (int)(bytes - start) : MOST;
        MPI_Request request;
        status = apus_mpi_finish_one(MPI_Ibcast((char *)data + start, part, MPI_BYTE, root, group->comm, &request), &request, seconds);
    }
    return status;
}

/// A type of `bytes` bytes.
static int block_type(int64_t bytes, MPI_Datatype *type) {
    // Made of units whose number MPI's counts tell.
    int64_t unit = 1;
    while (unit < MOST && bytes % (2 * unit) == 0) unit *= 2;
    if (bytes / unit > INT_MAX) return MPI_ERR_COUNT;
    MPI_Datatype units;
    int code = MPI_Type_contiguous((int)unit, MPI_BYTE, &units);
    if (code == MPI_SUCCESS) code = MPI_Type_contiguous((int)(bytes / unit), units, type);
    if (code == MPI_SUCCESS) code = MPI_Type_free(&units);
    if (code == MPI_SUCCESS) code = MPI_Type_commit(type);
    return code;
}

apus_mpi_status apus_mpi_all_gather(const apus_mpi_group *group, const void *input, void *output, int64_t bytes, double seconds) {
    MPI_Request request;
    if (bytes <= INT_MAX) {
        int count = (int)bytes;
        int code = MPI_Iallgather(input, count, MPI_BYTE, output, count, MPI_BYTE, group->comm, &request);
        return apus_mpi_finish_one(code, &request, seconds);
    }
    MPI_Datatype block;
    int code = block_type(bytes, &block);
    if (code == MPI_ERR_COUNT) return apus_mpi_fail(APUS_MPI_TOO_LARGE, "");
    if (code != MPI_SUCCESS) return apus_mpi_status_of(code);
    code = MPI_Iallgather(input, 1, block, output, 1, block, group->comm, &request);
    apus_mpi_status status = apus_mpi_finish_one(code, &request, seconds);
    // A type in use is freed when it is used no more.
    MPI_Type_free(&block);
    return status;
}

/// Counts and places of MPI's kind from counts of rows; false where they don't fit.
static int places(const int64_t *rows, int size, int *counts, int *starts) {
    int64_t total = 0;
    for (int i = 0; i < size; i++) {
        if (rows[i] > INT_MAX || total > INT_MAX) return 0;
        counts[i] = (int)rows[i];
        starts[i] = (int)total;
        total += rows[i];
    }
    return 1;
}

apus_mpi_status apus_mpi_all_to_all(
    const apus_mpi_group *group, const void *input, const int64_t *input_rows, void *output, const int64_t *output_rows,
    int64_t row_bytes, double seconds) {
    size_t size = (size_t)group->size;
    int *numbers = malloc(4 * size * sizeof *numbers);
    if (!numbers) return apus_mpi_fail(APUS_MPI_NO_MEMORY, "");
    int *sent = numbers, *sent_starts = numbers + size, *got = numbers + 2 * size, *got_starts = numbers + 3 * size;
    apus_mpi_status status = apus_mpi_fail(APUS_MPI_TOO_LARGE, "");
    MPI_Datatype row;
    if (places(input_rows, group->size, sent, sent_starts) && places(output_rows, group->size, got, got_starts)) {
        int code = block_type(row_bytes, &row);
        if (code == MPI_SUCCESS) {
            MPI_Request request;
            code = MPI_Ialltoallv(input, sent, sent_starts, row, output, got, got_starts, row, group->comm, &request);
            status = apus_mpi_finish_one(code, &request, seconds);
            MPI_Type_free(&row);
        } else if (code != MPI_ERR_COUNT) {
            status = apus_mpi_status_of(code);
        }
    }
    // An operation that did not end may still read them.
    if (status.code == APUS_MPI_OK || status.code == APUS_MPI_TOO_LARGE) free(numbers);
    return status;
}
