#include "run.h"
#include <stdatomic.h>

#if defined(__x86_64__)
typedef float line16 __attribute__((vector_size(64), aligned(4)));

enum { MOST = 14 };

#define UNROLLED APUS_PRAGMA(clang loop unroll(full))

/// Positions, the elements between them and panels are known where this is inlined: the sums are registers.
APUS_INLINE void run_tile(int count, int step, int panels, const apus_conv_run *r) {
    line16 sum[MOST][APUS_CONV_PANELS];
    const float *weight = r->weight;
    const int64_t *offsets = r->offsets;
    int64_t panel_step = r->panel_step;
    UNROLLED for (int i = 0; i < count; i++) UNROLLED for (int p = 0; p < panels; p++) sum[i][p] = (line16){0};
    APUS_PRAGMA(clang loop unroll(disable))
    for (int64_t k = r->depth; k > 0; k--, weight += APUS_CONV_PANEL) {
        const float *in = r->in + *offsets++;
        line16 line[APUS_CONV_PANELS];
        UNROLLED for (int p = 0; p < panels; p++) memcpy(&line[p], weight + p * panel_step, sizeof(line16));
        UNROLLED for (int i = 0; i < count; i++) UNROLLED for (int p = 0; p < panels; p++) sum[i][p] = sum[i][p] + line[p] * in[i * step];
    }
    UNROLLED for (int i = 0; i < count; i++) UNROLLED for (int p = 0; p < panels; p++) {
        line16 before;
        float *to = r->sums + i * APUS_CONV_WIDTH + p * APUS_CONV_PANEL;
        memcpy(&before, r->start ? r->start + p * APUS_CONV_PANEL : to, sizeof before);
        before += sum[i][p];
        memcpy(to, &before, sizeof before);
    }
}

/// By positions - 1, by elements between them - 1, and by panels - 1.
typedef struct {
    int positions, panels;
    apus_conv_run_function of[MOST][2][APUS_CONV_PANELS];
} runs;

#define RUN(LEVEL, COUNT, STEP, PANELS)                                                                                                          \
    LEVEL##_TARGET static void LEVEL##_##COUNT##_##STEP##_##PANELS(const apus_conv_run *r) { run_tile(COUNT, STEP, PANELS, r); }
#define ENTRY(LEVEL, COUNT, STEP, PANELS) [COUNT - 1][STEP - 1][PANELS - 1] = LEVEL##_##COUNT##_##STEP##_##PANELS,
#define STEPS(APPLY, LEVEL, COUNT, PANELS) APPLY(LEVEL, COUNT, 1, PANELS) APPLY(LEVEL, COUNT, 2, PANELS)
#define SIX(APPLY, LEVEL, PANELS)                                                                                                                \
    STEPS(APPLY, LEVEL, 1, PANELS) STEPS(APPLY, LEVEL, 2, PANELS) STEPS(APPLY, LEVEL, 3, PANELS) STEPS(APPLY, LEVEL, 4, PANELS)                     \
    STEPS(APPLY, LEVEL, 5, PANELS) STEPS(APPLY, LEVEL, 6, PANELS)
#define FOURTEEN(APPLY, LEVEL, PANELS)                                                                                                           \
    SIX(APPLY, LEVEL, PANELS) STEPS(APPLY, LEVEL, 7, PANELS) STEPS(APPLY, LEVEL, 8, PANELS) STEPS(APPLY, LEVEL, 9, PANELS)                          \
    STEPS(APPLY, LEVEL, 10, PANELS) STEPS(APPLY, LEVEL, 11, PANELS) STEPS(APPLY, LEVEL, 12, PANELS) STEPS(APPLY, LEVEL, 13, PANELS)                 \
    STEPS(APPLY, LEVEL, 14, PANELS)

/// 32 registers of 16 numbers.
#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
FOURTEEN(RUN, V4, 1)
FOURTEEN(RUN, V4, 2)
static const runs v4_runs = {14, 2, {FOURTEEN(ENTRY, V4, 1) FOURTEEN(ENTRY, V4, 2)}};

/// 16 registers of 8 numbers.
#define V3_TARGET __attribute__((target("arch=x86-64-v3")))
SIX(RUN, V3, 1)
static const runs v3_runs = {6, 1, {SIX(ENTRY, V3, 1)}};

static const runs *runs_of_cpu(void) {
    static _Atomic int known = -1;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level < 0) {
        level = strcmp(apus_cpu_level(), "avx512") == 0 ? 2 : strcmp(apus_cpu_level(), "avx2") == 0 ? 1 : 0;
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    return level == 2 ? &v4_runs : level == 1 ? &v3_runs : NULL;
}

int apus_conv_run_limit(void) { return runs_of_cpu() ? runs_of_cpu()->positions : 0; }
int apus_conv_run_panels(void) { return runs_of_cpu() ? runs_of_cpu()->panels : 0; }
apus_conv_run_function apus_conv_run_for(int64_t positions, int64_t step, int64_t panels) { return runs_of_cpu()->of[positions - 1][step - 1][panels - 1]; }
#else
int apus_conv_run_limit(void) { return 0; }
int apus_conv_run_panels(void) { return 0; }
apus_conv_run_function apus_conv_run_for(int64_t positions, int64_t step, int64_t panels) {
    (void)positions, (void)step, (void)panels;
    return NULL;
}
#endif
