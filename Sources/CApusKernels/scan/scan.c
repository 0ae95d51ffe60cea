/// Running sums and their kin, along any dimension.
#include "../pointwise/loops.h"
#include "../support/plan.h"

typedef struct {
    apus_scan_op op;
    const apus_plan *plan; // every dimension but the scanned one; operands: in, indices (or out again), out
    int64_t length, in_step, out_step, index_step;
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
        else s = (apus_c128){s.re * x.re - s.im * x.im, s.re * x.im + s.im * x.re};
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

static void scan_line(const job *j, const char *in, char *out, char *indices) {
    _Alignas(64) char raw[APUS_TILE * 16], work[APUS_TILE * 16], result[APUS_TILE * 16];
    int64_t positions[APUS_TILE], best = 0;
    _Alignas(16) char state[16] = {0};
    int32_t in_dtype = j->plan->dtypes[0], out_dtype = j->plan->dtypes[2];
    int64_t in_item = j->plan->item[0], out_item = j->plan->item[2];
    scan_loop loop = j->work == APUS_COMPLEX128 ? NULL : find(j->op, j->work);
    for (int64_t i = 0; i < j->length; i += APUS_TILE) {
        int64_t n = APUS_MIN(APUS_TILE, j->length - i);
        const char *from = in + i * j->in_step;
        char *to = out + i * j->out_step;
        if (j->in_step != in_item) {
            apus_move(raw, in_item, from, j->in_step, n, in_item);
            from = raw;
        }
        if (in_dtype != j->work) {
            apus_cast_loop(in_dtype, j->work)(work, from, NULL, NULL, n, NULL);
            from = work;
        }
        bool direct = out_dtype == j->work && j->out_step == out_item;
        char *target = direct ? to : result;
        if (loop) loop(from, target, j->has_indices ? positions : NULL, n, state, &best, i);
        else scan_c128(j->op, (const apus_c128 *)from, (apus_c128 *)target, n, (apus_c128 *)state, i);
        if (!direct) {
            const char *packed = result;
            if (out_dtype != j->work) {
                apus_cast_loop(j->work, out_dtype)(raw, result, NULL, NULL, n, NULL);
                packed = raw;
            }
            apus_move(to, j->out_step, packed, out_item, n, out_item);
        }
        if (j->has_indices) apus_move(indices + i * j->index_step, j->index_step, positions, 8, n, 8);
    }
}

static void scan_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_plan *p = j->plan;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_plan_offsets(p, p->rank, begin, coordinates, offsets);
    for (int64_t i = begin; i < end; i++) {
        scan_line(j, p->data[0] + offsets[0], p->data[2] + offsets[2], p->data[1] + offsets[1]);
        apus_plan_next(p, p->rank, coordinates, offsets);
    }
}

int apus_scan(apus_scan_op op, int32_t dim, const apus_view *in, const apus_view *out, const apus_view *indices) {
    if (!apus_dtype_is_valid(in->dtype) || !apus_dtype_is_valid(out->dtype) || op < APUS_SCAN_SUM || op > APUS_SCAN_LOGSUMEXP) return APUS_UNSUPPORTED;
    bool extreme = op == APUS_SCAN_MAX || op == APUS_SCAN_MIN;
    int32_t decides = extreme ? in->dtype : out->dtype;
    int32_t work = apus_dtype_is_complex(decides) ? APUS_COMPLEX128 : decides == APUS_FLOAT64 ? APUS_FLOAT64 : decides >= APUS_FLOAT16 ? APUS_FLOAT32 : APUS_INT64;
    if ((work == APUS_COMPLEX128 && op > APUS_SCAN_PROD) || (work == APUS_INT64 && op == APUS_SCAN_LOGSUMEXP)) return APUS_UNSUPPORTED;
    if (indices && (indices->dtype != APUS_INT64 || !extreme)) return APUS_UNSUPPORTED;
    if (in->rank == 0) { // one element: itself
        int64_t zero = 0;
        if (indices) memcpy(indices->data, &zero, 8);
        return apus_copy(in, out);
    }
    if (dim < 0 || dim >= in->rank || in->rank > 64 || out->rank != in->rank || (indices && indices->rank != in->rank)) return APUS_INVALID_ARGUMENT;
    int64_t sizes[64];
    memcpy(sizes, in->sizes, sizeof(int64_t) * (size_t)in->rank);
    int64_t length = sizes[dim];
    if (out->sizes[dim] != length || (indices && indices->sizes[dim] != length)) return APUS_INVALID_ARGUMENT;
    sizes[dim] = 1;
    apus_view a = *in, o = *out, x = indices ? *indices : *out;
    a.sizes = o.sizes = x.sizes = sizes;
    const apus_view *views[] = {&a, &x, &o};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 3, true);
    if (status != APUS_OK || plan.count == 0 || length == 0) return status;
    job j = {.op = op, .plan = &plan, .length = length, .work = work, .has_indices = indices != NULL};
    j.in_step = in->strides[dim] * plan.item[0];
    j.out_step = out->strides[dim] * plan.item[2];
    j.index_step = indices ? indices->strides[dim] * 8 : 0;
    apus_parallel_for(plan.count, 16384 / length + 1, scan_range, &j);
    return APUS_OK;
}
