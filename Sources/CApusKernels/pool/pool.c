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

// A worker that finds nothing looks on for about as long as a small step of a program takes: to be woken costs as much. Loops that
// go on for more than LONG_NANOSECONDS are worth calling help for later than at their beginning.
enum { MAX_THREADS = 256, MAX_JOBS = 32, MAX_SPANS = 64, PIECES = 4, SPIN_NANOSECONDS = 100000, LONG_NANOSECONDS = 1000000 };

/// A part of a loop, whose pieces are taken from its beginning.
typedef struct {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} span;

/// A loop that workers may be helping with. Its fields are written only while it is closed and no worker is inside.
/// Each thread begins with a span of its own, the same one in every loop, and goes on with those of others: of what loops make of each other's
/// results, most then lies in a core's own caches.
typedef struct {
    apus_range_function function;
    void *context;
    int64_t chunk;
    int spans;
    atomic_bool is_done;  // nothing is left to take
    atomic_int most;      // workers that may help at once
    atomic_bool is_taken; // a caller owns it
    atomic_bool is_open;  // workers may enter
    atomic_int inside;    // workers that looked at is_open and have not left
    _Atomic int64_t since; // when it began
    span span[MAX_SPANS];
} job;

static job jobs[MAX_JOBS];
static atomic_int running;          // callers and workers at work: no worker enters where that would be more than there are threads
static _Atomic uint32_t generation; // counts jobs; sleeping workers wait for it to change
static atomic_int sleepers;
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_condition = PTHREAD_COND_INITIALIZER;
static atomic_int wanted_threads;
static atomic_bool is_starting;
static atomic_int started_workers; // changed while is_starting
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool in_loop;
static _Thread_local bool in_first_piece;
static _Thread_local int calls; // that the thread is in
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

static void work(job *j, int first) {
    in_loop = in_first_piece = true;
    for (int i = 0; i < j->spans; i++) {
        span *s = &j->span[(first + i) % j->spans];
        for (int64_t begin; (begin = atomic_fetch_add(&s->next, j->chunk)) < s->end; in_first_piece = false)
            j->function(j->context, begin, APUS_MIN(s->end - begin, j->chunk) + begin);
    }
    in_first_piece = false;
    atomic_store(&j->is_done, true);
    in_loop = false;
}

/// Whether a worker would find something to do.
static bool needs_help(job *j) {
    return atomic_load(&j->is_open) && !atomic_load(&j->is_done) && atomic_load(&j->inside) < atomic_load(&j->most);
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
    // Where all places are taken, looking on takes a core from one who has work.
    while (atomic_load(&running) < atomic_load(&wanted_threads) && nanoseconds() < limit)
        for (int i = 0; i < 64; i++) {
            if (atomic_load(&generation) != seen) return;
            RELAX();
        }
    pthread_mutex_lock(&sleep_mutex);
    atomic_fetch_add(&sleepers, 1);
    while (atomic_load(&generation) == seen) pthread_cond_wait(&sleep_condition, &sleep_mutex);
    atomic_fetch_sub(&sleepers, 1);
    pthread_mutex_unlock(&sleep_mutex);
}

static void *worker(void *argument) {
    int place = (int)(intptr_t)argument;
    for (;;) {
        uint32_t seen = atomic_load(&generation);
        job *j = neediest();
        if (!j || !enter()) {
            wait_for_change(seen);
            continue;
        }
        // `inside` is raised before `is_open` is read, and the owner closes before it reads `inside`: one of the two sees the other.
        int before = atomic_fetch_add(&j->inside, 1);
        if (atomic_load(&j->is_open) && before < atomic_load(&j->most)) work(j, place);
        // First its place: the caller, who waits for the second, may begin another loop right then, and look for threads that could help.
        atomic_fetch_sub(&running, 1);
        atomic_fetch_sub(&j->inside, 1);
    }
    return NULL;
}

static void start_workers(int wanted) {
    bool expected = false;
    if (atomic_load(&started_workers) >= wanted || !atomic_compare_exchange_strong(&is_starting, &expected, true)) return;
    while (atomic_load(&started_workers) < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)(atomic_load(&started_workers) + 1)) != 0) break;
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

/// A caller comes; whether there are threads that could help it.
static bool arrive(void) { return atomic_fetch_add(&running, 1) + 1 < atomic_load(&wanted_threads); }

/// A caller goes: its place is free for one who helps another with a long loop. Callers of short ones come back at once: a helper would have the core that they need,
/// and somebody would wait for it.
static void leave(void) {
    atomic_fetch_sub(&running, 1);
    job *other = neediest();
    if (other && nanoseconds() - atomic_load(&other->since) > LONG_NANOSECONDS) call_workers();
}

void apus_begin_call(void) {
    pthread_once(&once, initialize);
    if (calls++ == 0) arrive();
}

void apus_end_call(void) {
    if (--calls == 0) leave();
}

static job *free_job(void) {
    for (int i = 0; i < MAX_JOBS; i++) {
        bool expected = false;
        if (!atomic_load(&jobs[i].is_taken) && atomic_compare_exchange_strong(&jobs[i].is_taken, &expected, true)) return &jobs[i];
    }
    return NULL;
}

/// Parts a loop into spans of about the same length, and these into pieces of at least about `grain`.
static void part(job *j, int64_t n, int64_t grain, int threads) {
    int64_t pieces = (n - 1) / grain + 1, most = (int64_t)threads * PIECES;
    j->spans = (int)APUS_MIN(pieces, APUS_MIN(threads, MAX_SPANS));
    // As many pieces for each, so that none waits for the last one of another.
    pieces = APUS_MIN(pieces, most) / j->spans * j->spans;
    j->chunk = (n - 1) / pieces + 1;
    // Elements of long loops are parted where lines of the cache are.
    int64_t unit = j->chunk >= 1024 ? 64 : 1, units = n / unit;
    j->chunk = (j->chunk - 1) / unit * unit + unit;
    for (int64_t i = 0, begin = 0; i < j->spans; i++) {
        atomic_store(&j->span[i].next, begin);
        begin += (units / j->spans + (i < units % j->spans)) * unit;
        j->span[i].end = i + 1 == j->spans ? n : begin;
    }
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
    j->function = function;
    j->context = context;
    part(j, n, grain, threads);
    atomic_store(&j->most, threads - 1);
    atomic_store(&j->is_done, false);
    atomic_store(&j->since, nanoseconds());
    atomic_store(&j->is_open, true);
    // Where all threads are at work already, nobody could come.
    if (calls > 0 ? atomic_load(&running) < atomic_load(&wanted_threads) : arrive()) call_workers();
    work(j, 0);
    atomic_store(&j->is_open, false);
    for (int spins = 0; atomic_load(&j->inside) > 0; spins++) {
        if (spins < 4096) RELAX();
        else sched_yield();
    }
    atomic_store(&j->is_taken, false);
    if (calls == 0) leave();
}

bool apus_splits_unevenly(int64_t tasks) {
    int threads = apus_num_threads();
    return tasks < (int64_t)threads * PIECES && tasks % threads != 0;
}

bool apus_is_first_piece(void) { return in_first_piece; }

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
