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

enum { MAX_THREADS = 256, MAX_JOBS = 32, SPIN_NANOSECONDS = 20000 };

/// A loop that workers may be helping with. Its fields are written only while it is closed and no worker is inside.
typedef struct {
    apus_range_function function;
    void *context;
    int64_t chunk;
    _Atomic int64_t count, next;
    atomic_int most;      // workers that may help at once
    atomic_bool is_taken; // a caller owns it
    atomic_bool is_open;  // workers may enter
    atomic_int inside;    // workers that looked at is_open and have not left
} job;

static job jobs[MAX_JOBS];
static atomic_int running;          // callers and workers in loops: no worker enters where that would be more than there are threads
static _Atomic uint32_t generation; // counts jobs; sleeping workers wait for it to change
static atomic_int sleepers;
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_condition = PTHREAD_COND_INITIALIZER;
static atomic_int wanted_threads;
static atomic_bool is_starting;
static atomic_int started_workers; // changed while is_starting
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool in_loop;
static _Thread_local int thread_limit; // 0 for none

static int64_t nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/// A forked child has none of the workers: forget them, so that loops run inline there.
static void after_fork(void) {
    memset(jobs, 0, sizeof jobs);
    atomic_store(&running, 0);
    atomic_store(&sleepers, 0);
    atomic_store(&wanted_threads, 1);
    atomic_store(&is_starting, false);
    atomic_store(&started_workers, 0);
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

static void work(job *j) {
    in_loop = true;
    for (;;) {
        int64_t begin = atomic_fetch_add(&j->next, j->chunk), count = atomic_load(&j->count);
        if (begin >= count) break;
        j->function(j->context, begin, APUS_MIN(count - begin, j->chunk) + begin);
    }
    in_loop = false;
}

/// Whether a worker would find something to do.
static bool needs_help(job *j) {
    return atomic_load(&j->is_open) && atomic_load(&j->inside) < atomic_load(&j->most) && atomic_load(&j->next) < atomic_load(&j->count);
}

/// The job in need of help with the fewest helpers, so that callers who meet get as many each.
static job *neediest(void) {
    job *found = NULL;
    int fewest = MAX_THREADS;
    for (int i = 0; i < MAX_JOBS; i++) {
        int helpers = atomic_load(&jobs[i].inside);
        if (helpers < fewest && needs_help(&jobs[i])) found = &jobs[i], fewest = helpers;
    }
    return found;
}

/// Takes a place among the threads at work.
static bool enter(void) {
    int now = atomic_load(&running);
    while (now < atomic_load(&wanted_threads))
        if (atomic_compare_exchange_weak(&running, &now, now + 1)) return true;
    return false;
}

static void wait_for_change(uint32_t seen) {
    int64_t limit = nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < 64; i++) {
            if (atomic_load(&generation) != seen) return;
            RELAX();
        }
    } while (nanoseconds() < limit);
    pthread_mutex_lock(&sleep_mutex);
    atomic_fetch_add(&sleepers, 1);
    while (atomic_load(&generation) == seen) pthread_cond_wait(&sleep_condition, &sleep_mutex);
    atomic_fetch_sub(&sleepers, 1);
    pthread_mutex_unlock(&sleep_mutex);
}

static void *worker(void *argument) {
    (void)argument;
    for (;;) {
        uint32_t seen = atomic_load(&generation);
        job *j = neediest();
        if (!j || !enter()) {
            wait_for_change(seen);
            continue;
        }
        // `inside` is raised before `is_open` is read, and the owner closes before it reads `inside`: one of the two sees the other.
        int before = atomic_fetch_add(&j->inside, 1);
        if (atomic_load(&j->is_open) && before < atomic_load(&j->most)) work(j);
        atomic_fetch_sub(&j->inside, 1);
        atomic_fetch_sub(&running, 1);
    }
    return NULL;
}

static void start_workers(int wanted) {
    bool expected = false;
    if (atomic_load(&started_workers) >= wanted || !atomic_compare_exchange_strong(&is_starting, &expected, true)) return;
    while (atomic_load(&started_workers) < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, NULL) != 0) break;
        pthread_detach(thread);
        atomic_fetch_add(&started_workers, 1);
    }
    atomic_store(&is_starting, false);
}

/// Tells workers that there is something to do.
static void call_workers(void) {
    atomic_fetch_add(&generation, 1);
    if (atomic_load(&sleepers) == 0) return;
    pthread_mutex_lock(&sleep_mutex);
    pthread_cond_broadcast(&sleep_condition);
    pthread_mutex_unlock(&sleep_mutex);
}

static job *free_job(void) {
    for (int i = 0; i < MAX_JOBS; i++) {
        bool expected = false;
        if (!atomic_load(&jobs[i].is_taken) && atomic_compare_exchange_strong(&jobs[i].is_taken, &expected, true)) return &jobs[i];
    }
    return NULL;
}

void apus_parallel_for(int64_t n, int64_t grain, apus_range_function function, void *context) {
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    if (n <= grain || in_loop) {
        function(context, 0, n);
        return;
    }
    int threads = apus_num_threads();
    job *j = threads < 2 ? NULL : free_job();
    if (!j) {
        function(context, 0, n);
        return;
    }
    start_workers(atomic_load(&wanted_threads) - 1);
    int64_t pieces = (int64_t)threads * 4;
    int64_t even = n / pieces + (n % pieces != 0);
    j->function = function;
    j->context = context;
    j->chunk = APUS_MAX(grain, even);
    atomic_store(&j->count, n);
    atomic_store(&j->most, threads - 1);
    atomic_store(&j->next, 0);
    atomic_store(&j->is_open, true);
    // Where all threads are at work already, nobody could come.
    if (atomic_fetch_add(&running, 1) + 1 < atomic_load(&wanted_threads)) call_workers();
    work(j);
    atomic_store(&j->is_open, false);
    for (int spins = 0; atomic_load(&j->inside) > 0; spins++) {
        if (spins < 4096) RELAX();
        else sched_yield();
    }
    atomic_store(&j->is_taken, false);
    atomic_fetch_sub(&running, 1);
    // This thread's place is free for one who helps another caller.
    if (neediest()) call_workers();
}

int apus_num_threads(void) {
    pthread_once(&once, initialize);
    int wanted = atomic_load(&wanted_threads);
    return thread_limit > 0 ? APUS_MIN(thread_limit, wanted) : wanted;
}

int apus_limit_threads(int count) {
    int before = thread_limit;
    thread_limit = APUS_MAX(0, APUS_MIN(count, MAX_THREADS));
    return before;
}

void apus_set_num_threads(int count) {
    pthread_once(&once, initialize);
    atomic_store(&wanted_threads, APUS_MAX(1, APUS_MIN(count, MAX_THREADS)));
}
