#include "waiting.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>

apus_mpi_status apus_mpi_ok(void) {
    apus_mpi_status status = {APUS_MPI_OK, ""};
    return status;
}

apus_mpi_status apus_mpi_fail(int32_t code, const char *message) {
    apus_mpi_status status = {code, ""};
    snprintf(status.message, sizeof status.message, "%s", message);
    return status;
}

apus_mpi_status apus_mpi_status_of(int code) {
    if (code == MPI_SUCCESS) return apus_mpi_ok();
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) return apus_mpi_fail(APUS_MPI_FAILED, "an error without a text");
    return apus_mpi_fail(APUS_MPI_FAILED, text);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

apus_mpi_status apus_mpi_finish(int code, int count, MPI_Request *requests, double seconds) {
    double start = now();
    for (unsigned tries = 1; code == MPI_SUCCESS; tries++) {
        int is_done = 0;
        code = MPI_Testall(count, requests, &is_done, MPI_STATUSES_IGNORE);
        if (code != MPI_SUCCESS || is_done) break;
        if (tries % 16) continue;
        // Other threads of the machine come first: there may be more processes than processors.
        sched_yield();
        double passed = now() - start;
        if (passed > seconds) return apus_mpi_fail(APUS_MPI_TIMEOUT, "");
        if (passed > 0.1) {
            // Long enough for somebody to compute.
            struct timespec pause = {0, 50000};
            nanosleep(&pause, NULL);
        }
    }
    return apus_mpi_status_of(code);
}
