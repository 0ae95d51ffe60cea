/// Sets OpenBLAS up for use from our own threads.
#define _GNU_SOURCE
#include "../support/internal.h"
#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_right;

#if defined(__x86_64__)
/// OpenBLAS versions that do not know a processor fall back to AVX2 kernels. Where AVX-512 is there, have it look again with a core type that uses it.
/// A statically linked OpenBLAS does not export these functions: it is left as it is.
static void choose_core(void) {
    if (getenv("OPENBLAS_CORETYPE") || strcmp(apus_cpu_level(), "avx512") != 0) return;
    const char *core = openblas_get_corename();
    if (strcmp(core, "Haswell") != 0 && strcmp(core, "Zen") != 0) return;
    void (*read_environment)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "openblas_read_env");
    void (*quit)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit");
    void (*init)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init");
    if (!read_environment || !quit || !init) return;
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
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
