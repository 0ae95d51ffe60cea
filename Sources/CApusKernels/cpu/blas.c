/// Sets OpenBLAS up for use from our own threads.
#define _GNU_SOURCE
#include "../support/internal.h"
#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_right;

#if defined(__x86_64__)
static bool is_one_of(const char *name, const char *const *names) {
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

/// The core type to ask for, where the one that OpenBLAS took leaves vector instructions of the processor unused; null where it is right. Versions that do
/// not know a processor take what its family was once: SSE3 kernels on a recent Intel one, AVX2 kernels on a recent AMD one.
static const char *better_core(const char *core) {
    static const char *const wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
    static const char *const medium[] = {"Haswell", "Zen", NULL};
    const char *level = apus_cpu_level();
    if (strcmp(level, "avx512") == 0) return is_one_of(core, wide) ? NULL : "SkylakeX";
    if (strcmp(level, "avx2") == 0) return is_one_of(core, wide) || is_one_of(core, medium) ? NULL : "Haswell";
    return NULL;
}

/// Has OpenBLAS look again with a better core type, where there is one and the user has not chosen. A statically linked OpenBLAS does not export these
/// functions: it is left as it is.
static void choose_core(void) {
    if (getenv("OPENBLAS_CORETYPE")) return;
    const char *core = better_core(openblas_get_corename());
    if (!core) return;
    void (*read_environment)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "openblas_read_env");
    void (*quit)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit");
    void (*init)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init");
    if (!read_environment || !quit || !init) return;
    setenv("OPENBLAS_CORETYPE", core, 1);
    read_environment();
    quit();
    init();
}
#else
static void choose_core(void) {}
#endif

/// A product of small integers, exact in float32.
static bool check_product(void) {
    enum { N = 40 };
    float a[N * N], b[N * N], c[N * N];
    for (int i = 0; i < N * N; i++) {
        a[i] = (float)(i % 7 - 3);
        b[i] = (float)(i % 5 - 2);
        c[i] = NAN;
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, N, N, 1, a, N, b, N, 0, c, N);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            float sum = 0;
            for (int k = 0; k < N; k++) sum += a[i * N + k] * b[k * N + j];
            if (c[i * N + j] != sum) return false;
        }
    return true;
}

static void initialize(void) {
    choose_core();
    openblas_set_num_threads(1);
    is_right = check_product();
}

bool apus_blas_initialize(void) {
    pthread_once(&once, initialize);
    return is_right;
}

const char *apus_blas_core_name(void) {
    apus_blas_initialize();
    return openblas_get_corename();
}
