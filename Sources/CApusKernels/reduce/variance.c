/// Variance and mean in two passes over cached rows, or over tiles of neighbouring outputs.
#include "../support/lines.h"
#include "reduce.h"

typedef struct {
    const apus_reduce_plan *plan;
    const char *in_data;
    double correction;
    bool root, wide;
    int32_t variance_operand, mean_operand;
} job;

/// Sums of elements of type T and of their squared deviations, in lanes of type L.
#define MOMENTS(NAME, T, L)                                                                                                                    \
    APUS_CLONES static double sum_##NAME(const T *a, int64_t n) {                                                                                \
        L lane[32] = {0};                                                                                                                       \
        int64_t i = 0;                                                                                                                          \
        for (; i + 32 <= n; i += 32)                                                                                                            \
            for (int j = 0; j < 32; j++) lane[j] += a[i + j];                                                                                    \
        double s = 0;                                                                                                                           \
        for (int j = 0; j < 32; j++) s += (double)lane[j];                                                                                      \
        for (; i < n; i++) s += (double)a[i];                                                                                                   \
        return s;                                                                                                                               \
    }                                                                                                                                           \
    APUS_CLONES static double squares_##NAME(const T *a, int64_t n, double mean) {                                                               \
        L lane[32] = {0}, m = (L)mean;                                                                                                          \
        int64_t i = 0;                                                                                                                          \
        for (; i + 32 <= n; i += 32)                                                                                                            \
            for (int j = 0; j < 32; j++) {                                                                                                      \
                L d = (L)a[i + j] - m;                                                                                                          \
                lane[j] += d * d;                                                                                                               \
            }                                                                                                                                   \
        double s = 0;                                                                                                                           \
        for (int j = 0; j < 32; j++) s += (double)lane[j];                                                                                      \
        for (; i < n; i++) {                                                                                                                    \
            double d = (double)a[i] - mean;                                                                                                     \
            s += d * d;                                                                                                                         \
        }                                                                                                                                       \
        return s;                                                                                                                               \
    }
MOMENTS(float, float, float)
MOMENTS(widened, float, double)
MOMENTS(double, double, double)

/// Lanes of float32 are quick, and enough unless the sum of squares leaves their range; then lanes of float64 take their place.
static double sum_of_floats(const float *a, int64_t n) {
    double sum = sum_float(a, n);
    return isfinite(sum) ? sum : sum_widened(a, n);
}
static double squares_of_floats(const float *a, int64_t n, double mean) {
    double sum = squares_float(a, n, mean);
    return sum < INFINITY && sum > 1e-30 * (double)n ? sum : squares_widened(a, n, mean);
}

/// Merges a tile of n elements after the first i: each tile is centred on its own mean (Chan's formula).
static void add_tile(const job *j, const void *a, int64_t i, int64_t n, double *mean, double *m2) {
    double tile_mean = (j->wide ? sum_double(a, n) : sum_of_floats(a, n)) / (double)n;
    double centre = j->wide ? tile_mean : (double)(float)tile_mean, off = tile_mean - centre;
    double tile_m2 = (j->wide ? squares_double(a, n, centre) : squares_of_floats(a, n, centre)) - off * off * (double)n;
    double delta = tile_mean - *mean, total = (double)(i + n);
    *m2 += tile_m2 + delta * ((double)i / total) * delta * (double)n;
    *mean += delta * (double)n / total;
}

/// Mean and sum of squared deviations of all reduced positions.
static void moments(const job *j, const char *base, double *mean, double *m2) {
    _Alignas(64) char raw[APUS_TILE * 8], converted[APUS_TILE * 8];
    const apus_plan *reduced = &j->plan->reduced;
    *mean = *m2 = 0;
    for (int64_t i = 0; i < reduced->count; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, reduced->count - i);
        add_tile(j, apus_load_reduced(reduced, base, i, n, j->wide ? APUS_FLOAT64 : APUS_FLOAT32, raw, converted), i, n, mean, m2);
    }
    if (*m2 < 0) *m2 = 0;
}

/// The root of the mean squared deviation where squares of float64 leave its range: of deviations brought closer to 1 by a power of two.
/// `line` is null, or a packed line that takes the place of the elements at `base`.
static double scaled_root(const job *j, const char *base, const char *line, double mean, double m2, double freedom) {
    _Alignas(64) char raw[APUS_TILE * 8], converted[APUS_TILE * 8];
    const apus_plan *reduced = &j->plan->reduced;
    double factor = m2 > 1 ? 0x1p-600 : 0x1p600, sum = 0;
    for (int64_t i = 0; i < reduced->count; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, reduced->count - i);
        const double *a = line ? (const double *)line + i : apus_load_reduced(reduced, base, i, n, APUS_FLOAT64, raw, converted);
        for (int64_t k = 0; k < n; k++) {
            double d = a[k] * factor - mean * factor;
            sum += d * d;
        }
    }
    return sqrt(sum / freedom) / factor;
}

/// Writes the results for one output; `at[k]` is operand k's place, and `base` or `line` where its elements lie, as for `scaled_root`.
static void write(const job *j, char *const *at, const char *base, const char *line, double mean, double m2) {
    const apus_plan *kept = &j->plan->kept;
    double n = (double)j->plan->reduced.count, freedom = n - j->correction;
    double variance = n == 0 ? NAN : m2 / (freedom > 0 ? freedom : 0);
    bool fits = !j->wide || m2 != m2 || (m2 > 0x1p-900 && m2 < INFINITY) || !isfinite(mean);
    if (j->root) variance = fits || !(freedom > 0) ? sqrt(variance) : scaled_root(j, base, line, mean, m2, freedom);
    if (n == 0) mean = NAN;
    if (j->variance_operand) apus_cast_loop(APUS_FLOAT64, kept->dtypes[j->variance_operand])(at[j->variance_operand], &variance, NULL, NULL, 1, NULL);
    if (j->mean_operand) apus_cast_loop(APUS_FLOAT64, kept->dtypes[j->mean_operand])(at[j->mean_operand], &mean, NULL, NULL, 1, NULL);
}

/// One packed line, where a single dimension is reduced and runs against memory order.
static void variance_line(void *context, char *const *lines, char *scratch) {
    const job *j = context;
    const apus_plan *reduced = &j->plan->reduced;
    int32_t work = j->wide ? APUS_FLOAT64 : APUS_FLOAT32;
    double mean = 0, m2 = 0;
    for (int64_t i = 0; i < reduced->count; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, reduced->count - i);
        const void *a = lines[0] + i * reduced->item[0];
        if (reduced->dtypes[0] != work) {
            apus_cast_loop(reduced->dtypes[0], work)(scratch, a, NULL, NULL, n, NULL);
            a = scratch;
        }
        add_tile(j, a, i, n, &mean, &m2);
    }
    write(j, lines, NULL, lines[0], mean, m2 < 0 ? 0 : m2);
}

static void variance_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *kept = &j->plan->kept;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_plan_offsets(kept, kept->rank, begin, coordinates, offsets);
    for (int64_t o = begin; o < end; o++) {
        double mean, m2;
        char *at[3];
        for (int32_t k = 1; k < kept->operands; k++) at[k] = kept->data[k] + offsets[k];
        moments(j, j->in_data + offsets[0], &mean, &m2);
        write(j, at, j->in_data + offsets[0], NULL, mean, m2);
        apus_plan_next(kept, kept->rank, coordinates, offsets);
    }
}

int apus_var_mean(double correction, bool take_root, const apus_view *in, const apus_view *variance, const apus_view *mean) {
    const apus_view *outputs[2];
    int32_t n_out = 0;
    if (!apus_dtype_is_floating(in->dtype)) return APUS_UNSUPPORTED;
    job j = {.in_data = in->data ? in->data : (const char *)in, .correction = correction, .root = take_root, .wide = in->dtype == APUS_FLOAT64};
    if (variance) {
        outputs[n_out++] = variance;
        j.variance_operand = n_out;
    }
    if (mean) {
        outputs[n_out++] = mean;
        j.mean_operand = n_out;
    }
    if (n_out == 0) return APUS_OK;
    for (int32_t k = 0; k < n_out; k++)
        if (!apus_dtype_is_floating(outputs[k]->dtype)) return APUS_UNSUPPORTED;
    apus_reduce_plan plan;
    int status = apus_reduce_plan_make(&plan, in, outputs, n_out, true);
    if (status != APUS_OK || plan.kept.count == 0) return status;
    j.plan = &plan;
    int32_t dim = apus_reduced_dimension(&plan, in, outputs[0]);
    if (dim >= 0) {
        apus_lines lines = {.function = variance_line, .context = &j, .views = {in}, .inputs = 1, .operands = 1 + n_out, .dim = dim, .grain = 32768, .scratch_bytes = APUS_TILE * 8};
        for (int32_t k = 0; k < n_out; k++) lines.views[1 + k] = outputs[k];
        return apus_lines_run(&lines);
    }
    apus_parallel_for(plan.kept.count, 32768 / APUS_MAX(plan.reduced.count, 1) + 1, variance_range, &j);
    return APUS_OK;
}
