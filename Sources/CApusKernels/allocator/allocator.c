#define _GNU_SOURCE
#include "memory_limit.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

// The address sanitizer sees what malloc gives. Of our blocks it is told what nobody may touch: those that are kept, and what a class has beyond
// the size that was asked for.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#if defined(ASAN_POISON_MEMORY_REGION)
#define FORBID(start, size) ASAN_POISON_MEMORY_REGION(start, (size_t)(size))
#define ALLOW(start, size) ASAN_UNPOISON_MEMORY_REGION(start, (size_t)(size))
#else
#define FORBID(start, size) ((void)(start), (void)(size))
#define ALLOW(start, size) ((void)(start), (void)(size))
#endif

/// Every block is preceded by 64 bytes that name its size class; while a block is kept, they link it into its class's list.
typedef struct header {
    struct header *next;
    int32_t size_class;
    uint32_t is_free;
} header;

enum {
    HEADER = 64,
    /// Classes 0 ..< 16 step by 64 bytes up to 1 KiB; above, four classes per doubling.
    FINE_CLASSES = 16,
    CLASSES = FINE_CLASSES + 4 * 32,
    /// Each thread keeps up to this many blocks of each fine class without a lock.
    THREAD_BLOCKS = 32,
    /// Blocks from this size on come straight from the system, in pages.
    MAP_THRESHOLD = 1 << 18,
    HUGE_PAGE = 1 << 21,
};

typedef struct {
    header *lists[FINE_CLASSES];
    int32_t counts[FINE_CLASSES];
    bool registered;
    bool is_poisoned;
    uint8_t poison;
    apus_allocator_thread_counts made;
} thread_cache;

static _Thread_local thread_cache cache;
static pthread_key_t cache_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static header *kept[CLASSES]; // guarded by mutex
static _Atomic int64_t allocations, frees, in_use, peak, cached, system_calls;
static _Atomic int64_t cache_limit;
/// What the machine, or the container that the process runs in, has. Set once.
static int64_t memory_size = INT64_MAX;
/// Bytes taken from the system, in use or kept.
static _Atomic int64_t held;

static int64_t class_size(int32_t c) {
    if (c < FINE_CLASSES) return (int64_t)(c + 1) * 64;
    int32_t octave = (c - FINE_CLASSES) / 4, quarter = (c - FINE_CLASSES) % 4;
    return ((int64_t)1024 << octave) / 4 * (5 + quarter);
}

/// The smallest class that holds `size`, or -1.
static int32_t class_of(int64_t size) {
    if (size <= 1024) return size <= 64 ? 0 : (int32_t)((size - 1) / 64);
    int32_t octave = 63 - __builtin_clzll((uint64_t)(size - 1)) - 10;
    if (octave >= 32) return -1;
    int64_t quarter = ((size - 1) >> (octave + 8)) & 3;
    return FINE_CLASSES + octave * 4 + (int32_t)quarter;
}

static int64_t mapped_size(int32_t c) {
    int64_t page = 4096;
    int64_t size = class_size(c) + HEADER;
    return (size + page - 1) / page * page;
}

/// What a block has behind its header.
static int64_t room_of(int32_t c) { return class_size(c) < MAP_THRESHOLD ? class_size(c) : mapped_size(c) - HEADER; }

static header *ask_system(int32_t c) {
    int64_t size = class_size(c);
    atomic_fetch_add_explicit(&system_calls, 1, memory_order_relaxed);
    if (size < MAP_THRESHOLD) {
        void *p = NULL;
        return posix_memalign(&p, 64, (size_t)size + HEADER) == 0 ? p : NULL;
    }
    void *p = mmap(NULL, (size_t)mapped_size(c), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
#if defined(MADV_HUGEPAGE)
    if (size >= 2 * HUGE_PAGE) madvise(p, (size_t)mapped_size(c), MADV_HUGEPAGE);
#endif
    return p;
}

/// The system may promise more than there is, and kill the process when it is written: what is held already counts, and for large blocks all that the process
/// has written, whoever asked for it.
static header *take_from_system(int32_t c) {
    int64_t size = class_size(c), before = atomic_fetch_add_explicit(&held, size, memory_order_relaxed);
    if (size >= MAP_THRESHOLD && size <= memory_size) before = APUS_MAX(before, apus_resident_memory());
    header *h = size <= memory_size && before <= memory_size - size ? ask_system(c) : NULL;
    if (!h) atomic_fetch_sub_explicit(&held, size, memory_order_relaxed);
    return h;
}

static void give_to_system(header *h) {
    int32_t c = h->size_class;
    atomic_fetch_sub_explicit(&held, class_size(c), memory_order_relaxed);
    atomic_fetch_add_explicit(&system_calls, 1, memory_order_relaxed);
    // Pages may come back as anybody's.
    ALLOW(h, HEADER + room_of(c));
    if (class_size(c) < MAP_THRESHOLD) free(h);
    else munmap(h, (size_t)mapped_size(c));
}

static void give_list_to_system(header *h) {
    while (h) {
        header *next = h->next;
        atomic_fetch_sub_explicit(&cached, class_size(h->size_class), memory_order_relaxed);
        give_to_system(h);
        h = next;
    }
}

/// When a thread ends, what it kept goes back.
static void thread_ended(void *pointer) {
    thread_cache *ended = pointer;
    for (int32_t c = 0; c < FINE_CLASSES; c++) {
        give_list_to_system(ended->lists[c]);
        ended->lists[c] = NULL;
        ended->counts[c] = THREAD_BLOCKS; // keep nothing any more
    }
}

static void before_fork(void) { pthread_mutex_lock(&mutex); }
static void after_fork(void) { pthread_mutex_unlock(&mutex); }

static void initialize(void) {
    pthread_key_create(&cache_key, thread_ended);
    pthread_atfork(before_fork, after_fork, after_fork);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) memory_size = (int64_t)pages * page;
    memory_size = APUS_MIN(memory_size, apus_container_memory_limit("/proc/self/cgroup", "/sys/fs/cgroup"));
    if (atomic_load(&cache_limit) != 0) return;
    atomic_store(&cache_limit, memory_size < INT64_MAX ? memory_size / 4 : (int64_t)1 << 30);
}

static void note_allocation(int64_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    int64_t now = atomic_fetch_add_explicit(&in_use, size, memory_order_relaxed) + size;
    int64_t high = atomic_load_explicit(&peak, memory_order_relaxed);
    while (now > high && !atomic_compare_exchange_weak_explicit(&peak, &high, now, memory_order_relaxed, memory_order_relaxed)) {}
}

void *apus_allocate(int64_t size) {
    if (size < 0) return NULL;
    int32_t c = class_of(size);
    if (c < 0) return NULL;
    pthread_once(&once, initialize);
    header *h = NULL;
    if (c < FINE_CLASSES && cache.lists[c]) {
        h = cache.lists[c];
        cache.lists[c] = h->next;
        cache.counts[c]--;
    } else {
        pthread_mutex_lock(&mutex);
        h = kept[c];
        if (h) kept[c] = h->next;
        pthread_mutex_unlock(&mutex);
    }
    int64_t bytes = class_size(c);
    if (h) {
        atomic_fetch_sub_explicit(&cached, bytes, memory_order_relaxed);
    } else {
        h = take_from_system(c);
        if (!h) {
            apus_allocator_trim();
            h = take_from_system(c);
        }
        if (!h) return NULL;
    }
    h->size_class = c;
    h->is_free = 0;
    cache.made.allocations++;
    cache.made.bytes += bytes;
    note_allocation(bytes);
    char *block = (char *)h + HEADER;
    ALLOW(block, bytes);
    if (cache.is_poisoned) memset(block, cache.poison, (size_t)bytes);
    FORBID(block + size, room_of(c) - size);
    return block;
}

void apus_free(void *block) {
    if (!block) return;
    header *h = (header *)((char *)block - HEADER);
    if (h->is_free) return;
    int32_t c = h->size_class;
    int64_t bytes = class_size(c);
    h->is_free = 1;
    FORBID(block, bytes);
    cache.made.frees++;
    atomic_fetch_add_explicit(&frees, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&in_use, bytes, memory_order_relaxed);
    if (c < FINE_CLASSES && cache.counts[c] < THREAD_BLOCKS) {
        if (!cache.registered) {
            cache.registered = true;
            pthread_setspecific(cache_key, &cache);
        }
        h->next = cache.lists[c];
        cache.lists[c] = h;
        cache.counts[c]++;
        atomic_fetch_add_explicit(&cached, bytes, memory_order_relaxed);
        return;
    }
    int64_t now = atomic_fetch_add_explicit(&cached, bytes, memory_order_relaxed) + bytes;
    if (now > atomic_load_explicit(&cache_limit, memory_order_relaxed)) {
        atomic_fetch_sub_explicit(&cached, bytes, memory_order_relaxed);
        give_to_system(h);
        return;
    }
    pthread_mutex_lock(&mutex);
    h->next = kept[c];
    kept[c] = h;
    pthread_mutex_unlock(&mutex);
}

int64_t apus_allocated_size(const void *block) {
    if (!block) return 0;
    return class_size(((const header *)((const char *)block - HEADER))->size_class);
}

void apus_allocator_trim(void) {
    for (int32_t c = 0; c < FINE_CLASSES; c++) {
        if (cache.counts[c] == THREAD_BLOCKS && !cache.lists[c]) continue;
        give_list_to_system(cache.lists[c]);
        cache.lists[c] = NULL;
        cache.counts[c] = 0;
    }
    header *lists[CLASSES];
    pthread_mutex_lock(&mutex);
    memcpy(lists, kept, sizeof lists);
    memset(kept, 0, sizeof kept);
    pthread_mutex_unlock(&mutex);
    for (int32_t c = 0; c < CLASSES; c++) give_list_to_system(lists[c]);
}

void apus_allocator_set_cache_limit(int64_t bytes) {
    pthread_once(&once, initialize);
    atomic_store(&cache_limit, APUS_MAX(bytes, 1));
    if (atomic_load(&cached) > bytes) apus_allocator_trim();
}

int64_t apus_allocator_memory_limit(void) {
    pthread_once(&once, initialize);
    return memory_size;
}

apus_allocator_statistics apus_allocator_get_statistics(void) {
    apus_allocator_statistics s = {
        .allocations = atomic_load(&allocations),
        .frees = atomic_load(&frees),
        .bytes_in_use = atomic_load(&in_use),
        .peak_bytes_in_use = atomic_load(&peak),
        .bytes_cached = atomic_load(&cached),
        .system_calls = atomic_load(&system_calls),
    };
    return s;
}

void apus_allocator_poison_thread(int32_t byte) {
    cache.is_poisoned = byte >= 0;
    cache.poison = (uint8_t)byte;
}

apus_allocator_thread_counts apus_allocator_get_thread_counts(void) { return cache.made; }

void apus_allocator_reset_peak(void) { atomic_store(&peak, atomic_load(&in_use)); }
