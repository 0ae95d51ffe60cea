/// Running sums and their kin, along any dimension.
#include "../pointwise/loops.h"
#include "../support/lines.h"

typedef struct {
    apus_scan_op op;
    int64_t length;
    int32_t in_dtype, out_dtype;
    bool has_indices;
    int32_t work; // the register dtype that is scanned in
} job;

// State s, element x; the result of position i is what s becomes.
#define SCAN(NAME, T, S, FIRST, STEP)                                                                                                          \
    static void NAME(const void *in, void *out, int64_t *index, int64_t n, void *state, int64_t *best, int64_t first) {                           \
        const T *a = in;                                                                                                                        \
        T *o = out;                                                                                                                             \
        S s = *(S *)state;                                                                                                                      \
        int64_t at = *best;                                                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                                                                       \
            T x = a[i];                                                                                                                         \
            if (first + i == 0) {                                                                                                               \
                s = FIRST;                                                                                                                      \
                at = 0;                                                                                                                         \
            } else {                                                                                                                            \
                STEP;                                                                                                                           \
            }                                                                                                                                   \
            o[i] = (T)s;                                                                                                                        \
            if (index) index[i] = at;                                                                                                           \
        }                                                                                                                                       \
        *(S *)state = s;                                                                                                                        \
        *best = at;                                                                                                                             \
    }
#define REPLACE_IF(condition)                                                                                                                  \
    if (condition) {                                                                                                                            \
        s = x;                                                                                                                                  \
        at = first + i;                                                                                                                         \
    }
#define U(x) ((uint64_t)(x))

/// log(e^s + e^x)
static double log_add(double s, double x) {
    if (s != s || x != x) return NAN;
    double high = s > x ? s : x, low = s > x ? x : s;
    return isinf(high) && low == high ? high : high + log1p(exp(low - high));
}

SCAN(sum_f32, float, double, x, s += x)
SCAN(sum_f64, double, double, x, s += x)
SCAN(sum_i64, int64_t, int64_t, x, s = (int64_t)(U(s) + U(x)))
SCAN(prod_f32, float, double, x, s *= x)
SCAN(prod_f64, double, double, x, s *= x)
SCAN(prod_i64, int64_t, int64_t, x, s = (int64_t)(U(s) * U(x)))
SCAN(max_f32, float, float, x, REPLACE_IF(x != x || (s == s && x >= s)))
SCAN(max_f64, double, double, x, REPLACE_IF(x != x || (s == s && x >= s)))
SCAN(max_i64, int64_t, int64_t, x, REPLACE_IF(x >= s))
SCAN(min_f32, float, float, x, REPLACE_IF(x != x || (s == s && x <= s)))
SCAN(min_f64, double, double, x, REPLACE_IF(x != x || (s == s && x <= s)))
SCAN(min_i64, int64_t, int64_t, x, REPLACE_IF(x <= s))
SCAN(logsumexp_f32, float, double, x, s = log_add(s, x))
SCAN(logsumexp_f64, double, double, x, s = log_add(s, x))

static void scan_c128(apus_scan_op op, const apus_c128 *a, apus_c128 *o, int64_t n, apus_c128 *state, int64_t first) {
    apus_c128 s = *state;
    for (int64_t i = 0; i < n; i++) {
        apus_c128 x = a[i];
        if (first + i == 0) s = x;
        else if (op == APUS_SCAN_SUM) s = (apus_c128){s.re + x.re, s.im + x.im};
        else s = apus_times_c128(s, x);
        o[i] = s;
    }
    *state = s;
}

typedef void (*scan_loop)(const void *, void *, int64_t *, int64_t, void *, int64_t *, int64_t);

static scan_loop find(apus_scan_op op, int32_t work) {
    int column = work == APUS_FLOAT32 ? 0 : work == APUS_FLOAT64 ? 1 : 2;
    static const scan_loop table[5][3] = {
        {sum_f32, sum_f64, sum_i64}, {prod_f32, prod_f64, prod_i64}, {max_f32, max_f64, max_i64}, {min_f32, min_f64, min_i64}, {logsumexp_f32, logsumexp_f64, NULL},
    };
    return table[op][column];
}

static void scan_line(void *context, char *const *lines, char *scratch) {
    const job *j = context;
    char *raw = scratch, *result = scratch + APUS_TILE * 16;
    int64_t best = 0, in_item = apus_dtype_size(j->in_dtype), out_item = apus_dtype_size(j->out_dtype);
    _Alignas(16) char state[16] = {0};
    scan_loop loop = j->work == APUS_COMPLEX128 ? NULL : find(j->op, j->work);
    for (int64_t i = 0; i < j->length; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, j->length - i);
        const char *from = lines[0] + i * in_item;
        char *to = lines[1] + i * out_item;
        if (j->in_dtype != j->work) {
            apus_cast_loop(j->in_dtype, j->work)(raw, from, NULL, NULL, n, NULL);
            from = raw;
        }
        char *target = j->out_dtype == j->work ? to : result;
        if (loop) loop(from, target, j->has_indices ? (int64_t *)lines[2] + i : NULL, n, state, &best, i);
        else scan_c128(j->op, (const apus_c128 *)from, (apus_c128 *)target, n, (apus_c128 *)state, i);
        if (target != to) apus_cast_loop(j->work, j->out_dtype)(to, result, NULL, NULL, n, NULL);
    }
}

int apus_scan(apus_scan_op op, int32_t dim, const apus_view *in, const apus_view *out, const apus_view *indices) {
    if (!apus_dtype_is_valid(in->dtype) || !apus_dtype_is_valid(out->dtype) || op < APUS_SCAN_SUM || op > APUS_SCAN_LOGSUMEXP) return APUS_UNSUPPORTED;
    bool extreme = op == APUS_SCAN_MAX || op == APUS_SCAN_MIN;
    int32_t decides = extreme ? in->dtype : out->dtype;
    int32_t work = apus_dtype_is_complex(decides) ? APUS_COMPLEX128 : decides == APUS_FLOAT64 ? APUS_FLOAT64 : decides >= APUS_FLOAT16 ? APUS_FLOAT32 : APUS_INT64;
    if ((work == APUS_COMPLEX128 && op > APUS_SCAN_PROD) || (work == APUS_INT64 && op == APUS_SCAN_LOGSUMEXP)) return APUS_UNSUPPORTED;
    if (indices && (indices->dtype != APUS_INT64 || !extreme)) return APUS_UNSUPPORTED;
    if (in->rank > 0 && (dim < 0 || dim >= in->rank)) return APUS_INVALID_ARGUMENT;
    job j = {.op = op, .length = in->rank == 0 ? 1 : in->sizes[dim], .in_dtype = in->dtype, .out_dtype = out->dtype, .has_indices = indices != NULL, .work = work};
    const apus_view *outputs[] = {out, indices};
    for (int k = 0; k < 2; k++)
        if (outputs[k] && (outputs[k]->rank != in->rank || (in->rank > 0 && outputs[k]->sizes[dim] != j.length))) return APUS_INVALID_ARGUMENT;
    apus_lines lines = {.function = scan_line, .context = &j, .views = {in, out, indices}, .inputs = 1, .operands = indices ? 3 : 2, .dim = dim, .grain = 16384,
                        .scratch_bytes = 2 * APUS_TILE * 16};
    return apus_lines_run(&lines);
}
