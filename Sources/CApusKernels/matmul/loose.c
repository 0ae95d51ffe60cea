/// Products of float32 matrices by our own tiles, which pack as they go.
#include "matmul.h"
#include "panels.h"

/// Measured against OpenBLAS 0.3.21 on Zen 4, one thread, cores SkylakeX and Haswell. Its kernels for AVX-512 multiply small matrices without packing, up to a
/// million multiplications, unless B is transposed: there they lead by 3 to 7%, ours by 7 to 10% beyond; with B transposed ours lead by up to 25% from the start.
/// In its AVX2 kernels ours lead by up to 10% from 48 x 48 x 48 to 384 x 384 x 384. For 2 to 7 rows ours reach three times the speed beyond a million. Single rows
/// and columns, and results of less than a panel, stay with BLAS.
bool apus_product_suits_panels(const apus_product *p) {
    if (p->dtype != APUS_FLOAT32 || p->alpha != 1 || (p->beta != 0 && p->beta != 1) || p->m < 2 || p->n < APUS_PANEL) return false;
    bool is_wide = strcmp(apus_cpu_level(), "avx512") == 0;
    double work = (double)p->m * (double)p->n * (double)p->k, least = p->m < 8 ? 1e6 : p->transpose_b && !p->transpose_a ? 1 : is_wide ? 1e6 : 1e5;
    return work >= least && (p->m < 8 || work <= (is_wide ? 1.2e9 : 6e7));
}

int apus_product_panels(const apus_product *p) {
    apus_panels panels = {p->m, p->n, p->k, p->a, p->lda, .loose = p->b, .column_step = p->transpose_b ? p->ldb : 1, .line_step = p->transpose_b ? 1 : p->ldb,
                          .adds = p->beta == 1, .c = p->c, .ldc = p->ldc};
    float *rows = NULL;
    if (p->transpose_a && p->k > 0) {
        rows = apus_allocate(p->m * p->k * 4);
        if (!rows) return APUS_OUT_OF_MEMORY;
        int64_t sizes[2] = {p->m, p->k}, from[2] = {1, p->lda}, to[2] = {p->k, 1};
        apus_view in = {(void *)(uintptr_t)p->a, sizes, from, 2, APUS_FLOAT32}, out = {rows, sizes, to, 2, APUS_FLOAT32};
        apus_copy(&in, &out);
        panels.a = rows, panels.lda = p->k;
    }
    int status = p->whole ? apus_panels_run(&panels) : apus_panels_over_pool(&panels, NULL, NULL);
    apus_free(rows);
    return status;
}
