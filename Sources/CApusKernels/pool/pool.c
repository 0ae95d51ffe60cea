#define _GNU_SOURCE
#include "../support/internal.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("yield")
#else
#define RELAX() ((void)0)
#endif

enum { MAX_THREADS = 256, SPIN_NANOSECONDS = 20000 };

/// The one loop that the workers may be helping with. Its fields are written only while it is closed and no worker is inside.
static struct {
    apus_range_function function;
    void *context;
    int64_t count, chunk;
    int helpers;
    _Atomic int64_t next;
} job;

static atomic_bool busy;            // a caller owns the job
static atomic_bool is_open;         // workers may enter
static atomic_int inside;           // workers that looked at is_open and have not left
static _Atomic uint32_t generation; // counts jobs; sleeping workers wait for it to change
static atomic_int sleepers;
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_condition = PTHREAD_COND_INITIALIZER;
static atomic_int wanted_threads;
static int started_workers; // guarded by busy
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool in_loop;

static int64_t nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/// A forked child has none of the workers: forget them, so that loops run inline there.
static void after_fork(void) {
    atomic_store(&busy, false);
    atomic_store(&is_open, false);
    atomic_store(&inside, 0);
    atomic_store(&sleepers, 0);
    atomic_store(&wanted_threads, 1);
    started_workers = 0;
    pthread_mutex_init(&sleep_mutex, NULL);
    pthread_cond_init(&sleep_condition, NULL);
}

static void initialize(void) {
    long count = 0;
    const char *text = getenv("APUS_NUM_THREADS");
    if (text) count = strtol(text, NULL, 10);
    if (count < 1) count = apus_cpu_core_count();
    atomic_store(&wanted_threads, (int)APUS_MAX(1, APUS_MIN(count, MAX_THREADS)));
    pthread_atfork(NULL, NULL, after_fork);
}

static void work(void) {
    in_loop = true;
    for (;;) {
        int64_t begin = atomic_fetch_add(&job.next, job.chunk);
        if (begin >= job.count) break;
        job.function(job.context, begin, APUS_MIN(job.count - begin, job.chunk) + begin);
    }
    in_loop = false;
}

static uint32_t wait_for_change(uint32_t seen) {
    int64_t limit = nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < 64; i++) {
            uint32_t now = atomic_load(&generation);
            if (now != seen) return now;
            RELAX();
        }
    } while (nanoseconds() < limit);
    pthread_mutex_lock(&sleep_mutex);
    atomic_fetch_add(&sleepers, 1);
    while (atomic_load(&generation) == seen) pthread_cond_wait(&sleep_condition, &sleep_mutex);
    atomic_fetch_sub(&sleepers, 1);
    pthread_mutex_unlock(&sleep_mutex);
    return atomic_load(&generation);
}

static void *worker(void *argument) {
    int index = (int)(intptr_t)argument;
    uint32_t seen = 0;
    for (;;) {
        // `inside` is raised before `is_open` is read, and the owner closes before it reads `inside`: one of the two sees the other.
        atomic_fetch_add(&inside, 1);
        if (atomic_load(&is_open) && index < job.helpers) work();
        atomic_fetch_sub(&inside, 1);
        seen = wait_for_change(seen);
    }
    return NULL;
}

static void start_workers(int wanted) {
    while (started_workers < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)started_workers) != 0) return;
        pthread_detach(thread);
        started_workers++;
    }
}

void apus_parallel_for(int64_t n, int64_t grain, apus_range_function function, void *context) {
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    if (n <= grain || in_loop) {
        function(context, 0, n);
        return;
    }
    pthread_once(&once, initialize);
    int threads = atomic_load(&wanted_threads);
    bool expected = false;
    if (threads < 2 || !atomic_compare_exchange_strong(&busy, &expected, true)) {
        function(context, 0, n);
        return;
    }
    start_workers(threads - 1);
    int64_t pieces = (int64_t)threads * 4;
    int64_t even = n / pieces + (n % pieces != 0);
    job.function = function;
    job.context = context;
    job.count = n;
    job.chunk = APUS_MAX(grain, even);
    job.helpers = threads - 1;
    atomic_store(&job.next, 0);
    atomic_store(&is_open, true);
    atomic_fetch_add(&generation, 1);
    if (atomic_load(&sleepers) > 0) {
        pthread_mutex_lock(&sleep_mutex);
        pthread_cond_broadcast(&sleep_condition);
        pthread_mutex_unlock(&sleep_mutex);
    }
    work();
    atomic_store(&is_open, false);
    for (int spins = 0; atomic_load(&inside) > 0; spins++) {
        if (spins < 4096) RELAX();
        else sched_yield();
    }
    atomic_store(&busy, false);
}

int apus_num_threads(void) {
    pthread_once(&once, initialize);
    return atomic_load(&wanted_threads);
}

void apus_set_num_threads(int count) {
    pthread_once(&once, initialize);
    atomic_store(&wanted_threads, APUS_MAX(1, APUS_MIN(count, MAX_THREADS)));
}
