#ifndef APUS_POOL_H
#define APUS_POOL_H
#include <stdbool.h>
#include <stdint.h>

/// Runs over `begin ..< end`.
typedef void (*apus_range_function)(void *context, int64_t begin, int64_t end);

/// Calls `function` on disjoint ranges that cover `0 ..< n`, each at least half of `grain` long (but the last of a thread), on the package's threads.
///
/// Runs inline when the work is one grain, or when called from inside another parallel loop. Loops of several callers share the threads: those that are at
/// work, callers included, are no more than there are threads, unless there are more callers.
/// Returns after all ranges are done.
void apus_parallel_for(int64_t n, int64_t grain, apus_range_function function, void *context);

/// Between these the calling thread works on one thing, in loops and beside them, and keeps its place among those at work: nobody takes it meanwhile to help
/// another caller, who would wait for pieces whose thread has no core. Calls may lie in one another.
void apus_begin_call(void);
void apus_end_call(void);

/// Whether so few equal tasks would leave threads waiting for the last ones: smaller tasks are worth a little more work then.
bool apus_splits_unevenly(int64_t tasks);

/// Whether a range is the first one of its loop for its thread, one of several: what it reads may lie in the caches of other cores. False outside of loops.
bool apus_is_first_piece(void);

/// How many threads a loop of this caller may use, itself included: `APUS_NUM_THREADS`, else the cores that the process may run on; or the caller's limit.
int apus_num_threads(void);
/// Lets loops that the calling thread starts use at most so many threads; 0 lifts the limit. Returns what it was.
int apus_limit_threads(int count);
/// Sets the number of threads for loops that start from now on; values are held between 1 and 256.
void apus_set_num_threads(int count);
#endif
