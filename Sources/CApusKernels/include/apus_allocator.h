#ifndef APUS_ALLOCATOR_H
#define APUS_ALLOCATOR_H
#include <stdint.h>

typedef struct apus_allocator_statistics {
    int64_t allocations;
    int64_t frees;
    /// Bytes in blocks that are handed out (size classes, not requests).
    int64_t bytes_in_use;
    int64_t peak_bytes_in_use;
    /// Bytes in blocks kept for reuse.
    int64_t bytes_cached;
    /// Times memory was asked from, or given back to, the system.
    int64_t system_calls;
} apus_allocator_statistics;

/// What one thread did since it began, whatever the others do meanwhile.
typedef struct apus_allocator_thread_counts {
    int64_t allocations;
    int64_t frees;
    /// Bytes in blocks that were handed out (size classes, not requests).
    int64_t bytes;
} apus_allocator_thread_counts;

/// A block of at least `size` bytes, aligned to 64, contents unspecified. Null when the size is negative or absurd or memory has run out: all blocks together
/// may take what the machine or the process's container has, less what the process has written elsewhere. A size of 0 gives a block too.
void *apus_allocate(int64_t size);
/// Takes a block back (null is ignored). Any thread may free.
void apus_free(void *block);
/// Bytes usable in a block.
int64_t apus_allocated_size(const void *block);
/// Gives kept blocks back to the system, but for those in other threads' small caches.
void apus_allocator_trim(void);
/// The most bytes to keep for reuse (default: a quarter of the machine's memory).
void apus_allocator_set_cache_limit(int64_t bytes);
/// The most bytes that blocks may take from the system: what the machine, or the process's container, has.
int64_t apus_allocator_memory_limit(void);
/// The least limit of memory that the control groups set which a process is in, those around them included; INT64_MAX where none does.
/// `process` is the process's list of groups (/proc/self/cgroup), `root` the folder where groups are mounted (/sys/fs/cgroup): version 2, version 1, or both.
int64_t apus_container_memory_limit(const char *process, const char *root);
apus_allocator_statistics apus_allocator_get_statistics(void);
/// For tests: fills every block that the calling thread is given from now on with this byte, so that what nobody writes shows; -1 for none.
void apus_allocator_poison_thread(int32_t byte);
/// The calling thread's own counts.
apus_allocator_thread_counts apus_allocator_get_thread_counts(void);
/// Starts the peak anew from the bytes now in use.
void apus_allocator_reset_peak(void);
#endif
