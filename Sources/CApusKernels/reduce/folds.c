/// The folds: per operation and register dtype, along a row and across columns.
#include "reduce.h"

enum { LANES = 64, FEW = 8, ROWS = 8 };

// Folds elements WIDTH at a time from position `i` on as long as there are as many, each in its own lane, then the lanes into `total`.
#define IN_LANES(WIDTH, T, L, NEUTRAL, STEP, JOIN)                                                                                              \
    if (i + WIDTH <= n) {                                                                                                                       \
        _Alignas(64) L lane[WIDTH];                                                                                                             \
        for (int j = 0; j < WIDTH; j++) lane[j] = NEUTRAL;                                                                                      \
        for (; i + WIDTH <= n; i += WIDTH)                                                                                                      \
            for (int j = 0; j < WIDTH; j++) {                                                                                                   \
                T x = a[i + j];                                                                                                                 \
                L s = lane[j];                                                                                                                  \
                STEP;                                                                                                                           \
                lane[j] = s;                                                                                                                    \
            }                                                                                                                                   \
        for (int width = WIDTH / 2; width > 0; width /= 2)                                                                                      \
            for (int j = 0; j < width; j++) {                                                                                                   \
                L s = lane[j], t = lane[j + width];                                                                                             \
                JOIN;                                                                                                                           \
                lane[j] = s;                                                                                                                    \
            }                                                                                                                                   \
        L s = total, t = lane[0];                                                                                                               \
        JOIN;                                                                                                                                   \
        total = s;                                                                                                                              \
    }

// T: register type, A: accumulator type, L: lane type used within one tile's row. STEP updates `s` with element x of type T.
#define FOLD(NAME, T, L, A, TD, AD, NEUTRAL, STEP, JOIN)                                                                                       \
    APUS_CLONES static void NAME##_row(void *accumulator, const void *elements, int64_t n, double parameter) {                                   \
        (void)parameter;                                                                                                                        \
        const T *a = elements;                                                                                                                  \
        L total = NEUTRAL;                                                                                                                      \
        int64_t i = 0;                                                                                                                          \
        IN_LANES(LANES, T, L, NEUTRAL, STEP, JOIN)                                                                                              \
        IN_LANES(FEW, T, L, NEUTRAL, STEP, JOIN)                                                                                                \
        for (; i < n; i++) {                                                                                                                   \
            T x = a[i];                                                                                                                        \
            L s = total;                                                                                                                       \
            STEP;                                                                                                                              \
            total = s;                                                                                                                         \
        }                                                                                                                                      \
        A s = *(A *)accumulator, t = (A)total;                                                                                                  \
        JOIN;                                                                                                                                   \
        *(A *)accumulator = s;                                                                                                                  \
    }                                                                                                                                           \
    APUS_CLONES static void NAME##_columns(void *accumulators, const void *elements, int64_t stride, int64_t rows, int64_t n, double parameter) {\
        (void)parameter;                                                                                                                       \
        A *o = accumulators;                                                                                                                   \
        int64_t r = 0;                                                                                                                         \
        for (; r + ROWS <= rows; r += ROWS) {                                                                                                  \
            const T *a[ROWS];                                                                                                                  \
            for (int j = 0; j < ROWS; j++) a[j] = (const T *)((const char *)elements + (r + j) * stride);                                      \
            APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                        \
                L lane = NEUTRAL;                                                                                                              \
                _Pragma("clang loop unroll(full)") for (int j = 0; j < ROWS; j++) {                                                            \
                    T x = a[j][i];                                                                                                             \
                    L s = lane;                                                                                                                \
                    STEP;                                                                                                                      \
                    lane = s;                                                                                                                  \
                }                                                                                                                              \
                A s = o[i], t = (A)lane;                                                                                                       \
                JOIN;                                                                                                                          \
                o[i] = s;                                                                                                                      \
            }                                                                                                                                  \
        }                                                                                                                                      \
        for (; r < rows; r++) {                                                                                                                \
            const T *a = (const T *)((const char *)elements + r * stride);                                                                     \
            APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                        \
                T x = a[i];                                                                                                                    \
                A s = o[i];                                                                                                                    \
                STEP;                                                                                                                          \
                o[i] = s;                                                                                                                      \
            }                                                                                                                                  \
        }                                                                                                                                      \
    }                                                                                                                                          \
    APUS_CLONES static void NAME##_combine(void *into, const void *from, int64_t n) {                                                          \
        A *o = into;                                                                                                                           \
        const A *a = from;                                                                                                                     \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                            \
            A s = o[i], t = a[i];                                                                                                              \
            JOIN;                                                                                                                              \
            o[i] = s;                                                                                                                          \
        }                                                                                                                                      \
    }                                                                                                                                          \
    static void NAME##_clear(void *accumulators, int64_t n) {                                                                                   \
        A *o = accumulators;                                                                                                                    \
        for (int64_t i = 0; i < n; i++) o[i] = NEUTRAL;                                                                                         \
    }                                                                                                                                           \
    static const apus_fold NAME = {NAME##_row, NAME##_columns, NAME##_combine, NAME##_clear, TD, AD};

#define U(x) ((uint64_t)(x))
FOLD(sum_f32, float, float, double, APUS_FLOAT32, APUS_FLOAT64, 0, s += x, s += t)
FOLD(sum_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, s += x, s += t)
FOLD(sum_i64, int64_t, int64_t, int64_t, APUS_INT64, APUS_INT64, 0, s = (int64_t)(U(s) + U(x)), s = (int64_t)(U(s) + U(t)))
FOLD(nansum_f32, float, float, double, APUS_FLOAT32, APUS_FLOAT64, 0, s += x == x ? x : 0, s += t)
FOLD(nansum_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, s += x == x ? x : 0, s += t)
// Squares of float32 fit float64 only.
FOLD(squares_f32, float, double, double, APUS_FLOAT32, APUS_FLOAT64, 0, s += (double)x * (double)x, s += t)
FOLD(squares_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, s += x * x, s += t)
FOLD(magnitudes_f32, float, float, double, APUS_FLOAT32, APUS_FLOAT64, 0, s += __builtin_elementwise_abs(x), s += t)
FOLD(magnitudes_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, s += __builtin_elementwise_abs(x), s += t)
FOLD(powers_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, s += pow(fabs(x), parameter), s += t)
FOLD(nonzeros_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, s += x != 0, s += t)
FOLD(largest_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 0, { double m = __builtin_elementwise_abs(x); s = m > s || m != m ? m : s; }, s = t > s || t != t ? t : s)
FOLD(smallest_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, INFINITY, { double m = __builtin_elementwise_abs(x); s = m < s || m != m ? m : s; }, s = t < s || t != t ? t : s)
FOLD(prod_f32, float, double, double, APUS_FLOAT32, APUS_FLOAT64, 1, s *= x, s *= t)
FOLD(prod_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, 1, s *= x, s *= t)
FOLD(prod_i64, int64_t, int64_t, int64_t, APUS_INT64, APUS_INT64, 1, s = (int64_t)(U(s) * U(x)), s = (int64_t)(U(s) * U(t)))
#pragma clang diagnostic ignored "-Wunused-const-variable" // some serve faster twins only
// NaN stays once it is in: nothing compares with it, and it replaces whatever was there.
#define KEEP_LARGER(x) s = (x) > s || (x) != (x) ? (x) : s
#define KEEP_SMALLER(x) s = (x) < s || (x) != (x) ? (x) : s
FOLD(max_f32, float, float, float, APUS_FLOAT32, APUS_FLOAT32, -INFINITY, KEEP_LARGER(x), KEEP_LARGER(t))
FOLD(min_f32, float, float, float, APUS_FLOAT32, APUS_FLOAT32, INFINITY, KEEP_SMALLER(x), KEEP_SMALLER(t))
FOLD(max_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, -INFINITY, KEEP_LARGER(x), KEEP_LARGER(t))
FOLD(min_f64, double, double, double, APUS_FLOAT64, APUS_FLOAT64, INFINITY, KEEP_SMALLER(x), KEEP_SMALLER(t))

/// Rows of float32 extremes: compared by one instruction each, NaN noted on the side.
#define FAST_EXTREME(NAME, COMPARE)                                                                                                            \
    APUS_CLONES static void NAME##_fast_row(void *accumulator, const void *elements, int64_t n, double parameter) {                              \
        const float *a = elements;                                                                                                              \
        float lane[LANES];                                                                                                                      \
        int32_t odd[LANES] = {0};                                                                                                               \
        int64_t i = 0;                                                                                                                          \
        if (n >= LANES) {                                                                                                                       \
            for (int j = 0; j < LANES; j++) lane[j] = a[j];                                                                                      \
            for (; i + LANES <= n; i += LANES)                                                                                                  \
                for (int j = 0; j < LANES; j++) {                                                                                               \
                    float x = a[i + j];                                                                                                         \
                    lane[j] = x COMPARE lane[j] ? x : lane[j];                                                                                   \
                    odd[j] |= x != x ? -1 : 0;                                                                                                  \
                }                                                                                                                               \
            int32_t any = 0;                                                                                                                    \
            for (int j = 0; j < LANES; j++) any |= odd[j];                                                                                       \
            for (int j = 0; j < LANES && any; j++) lane[j] = NAN;                                                                                \
            NAME##_row(accumulator, lane, LANES, parameter);                                                                                    \
        }                                                                                                                                       \
        NAME##_row(accumulator, a + i, n - i, parameter);                                                                                       \
    }                                                                                                                                           \
    static const apus_fold NAME##_fast = {NAME##_fast_row, NAME##_columns, NAME##_combine, NAME##_clear, APUS_FLOAT32, APUS_FLOAT32};
FAST_EXTREME(max_f32, >)
FAST_EXTREME(min_f32, <)
FOLD(max_i32, int32_t, int32_t, int32_t, APUS_INT32, APUS_INT32, INT32_MIN, s = x > s ? x : s, s = t > s ? t : s)
FOLD(min_i32, int32_t, int32_t, int32_t, APUS_INT32, APUS_INT32, INT32_MAX, s = x < s ? x : s, s = t < s ? t : s)
FOLD(max_i64, int64_t, int64_t, int64_t, APUS_INT64, APUS_INT64, INT64_MIN, s = x > s ? x : s, s = t > s ? t : s)
FOLD(min_i64, int64_t, int64_t, int64_t, APUS_INT64, APUS_INT64, INT64_MAX, s = x < s ? x : s, s = t < s ? t : s)
FOLD(any_bool, uint8_t, uint8_t, uint8_t, APUS_BOOL, APUS_BOOL, 0, s |= x != 0, s |= t)
FOLD(all_bool, uint8_t, uint8_t, uint8_t, APUS_BOOL, APUS_BOOL, 1, s &= x != 0, s &= t)
FOLD(count_bool, uint8_t, int64_t, int64_t, APUS_BOOL, APUS_INT64, 0, s += x != 0, s += t)

// Complex numbers are summed part by part.
static void sum_c128_row(void *accumulator, const void *elements, int64_t n, double parameter) {
    (void)parameter;
    const apus_c128 *a = elements;
    apus_c128 s = {0, 0}, *total = accumulator;
    for (int64_t i = 0; i < n; i++) {
        s.re += a[i].re;
        s.im += a[i].im;
    }
    total->re += s.re;
    total->im += s.im;
}
static void sum_c128_combine(void *into, const void *from, int64_t n) {
    const apus_c128 *a = from;
    apus_c128 *o = into;
    for (int64_t i = 0; i < n; i++) {
        o[i].re += a[i].re;
        o[i].im += a[i].im;
    }
}
static void sum_c128_columns(void *accumulators, const void *elements, int64_t stride, int64_t rows, int64_t n, double parameter) {
    (void)parameter;
    for (int64_t r = 0; r < rows; r++) sum_c128_combine(accumulators, (const char *)elements + r * stride, n);
}
static void sum_c128_clear(void *accumulators, int64_t n) { memset(accumulators, 0, (size_t)n * sizeof(apus_c128)); }
static const apus_fold sum_c128 = {sum_c128_row, sum_c128_columns, sum_c128_combine, sum_c128_clear, APUS_COMPLEX128, APUS_COMPLEX128};

static void multiply(apus_c128 *a, apus_c128 b) { *a = apus_times_c128(*a, b); }
static void prod_c128_row(void *accumulator, const void *elements, int64_t n, double parameter) {
    (void)parameter;
    const apus_c128 *a = elements;
    for (int64_t i = 0; i < n; i++) multiply(accumulator, a[i]);
}
static void prod_c128_combine(void *into, const void *from, int64_t n) {
    const apus_c128 *a = from;
    apus_c128 *o = into;
    for (int64_t i = 0; i < n; i++) multiply(&o[i], a[i]);
}
static void prod_c128_columns(void *accumulators, const void *elements, int64_t stride, int64_t rows, int64_t n, double parameter) {
    (void)parameter;
    for (int64_t r = 0; r < rows; r++) prod_c128_combine(accumulators, (const char *)elements + r * stride, n);
}
static void prod_c128_clear(void *accumulators, int64_t n) {
    apus_c128 *o = accumulators;
    for (int64_t i = 0; i < n; i++) o[i] = (apus_c128){1, 0};
}
static const apus_fold prod_c128 = {prod_c128_row, prod_c128_columns, prod_c128_combine, prod_c128_clear, APUS_COMPLEX128, APUS_COMPLEX128};

static const apus_fold *extreme(int32_t in, const apus_fold *f32, const apus_fold *f64, const apus_fold *i32, const apus_fold *i64, const apus_fold *boolean) {
    switch (in) {
    case APUS_BOOL: return boolean;
    case APUS_INT64: return i64;
    case APUS_FLOAT64: return f64;
    case APUS_COMPLEX64:
    case APUS_COMPLEX128: return NULL;
    default: return apus_dtype_is_integer(in) ? i32 : f32;
    }
}

const apus_fold *apus_find_fold(apus_reduce_op op, double parameter, int32_t in, int32_t out) {
    bool wide = out == APUS_FLOAT64, whole = out <= APUS_INT64, complex = apus_dtype_is_complex(out);
    switch (op) {
    case APUS_REDUCE_SUM: return complex ? &sum_c128 : whole ? &sum_i64 : wide ? &sum_f64 : &sum_f32;
    case APUS_REDUCE_MEAN: return complex ? &sum_c128 : whole ? NULL : wide ? &sum_f64 : &sum_f32;
    case APUS_REDUCE_NANSUM: return complex ? NULL : whole ? &sum_i64 : wide ? &nansum_f64 : &nansum_f32;
    case APUS_REDUCE_PROD: return complex ? &prod_c128 : whole ? &prod_i64 : wide ? &prod_f64 : &prod_f32;
    case APUS_REDUCE_MAX: return extreme(in, &max_f32_fast, &max_f64, &max_i32, &max_i64, &any_bool);
    case APUS_REDUCE_MIN: return extreme(in, &min_f32_fast, &min_f64, &min_i32, &min_i64, &all_bool);
    case APUS_REDUCE_ANY: return &any_bool;
    case APUS_REDUCE_ALL: return &all_bool;
    case APUS_REDUCE_COUNT_NONZERO: return &count_bool;
    case APUS_REDUCE_SUM_OF_SQUARES: return complex || whole ? NULL : wide ? &squares_f64 : &squares_f32;
    case APUS_REDUCE_NORM:
        if (complex || whole) return NULL;
        if (parameter == 2) return wide ? &squares_f64 : &squares_f32;
        if (parameter == 1) return wide ? &magnitudes_f64 : &magnitudes_f32;
        if (parameter == 0) return &nonzeros_f64;
        if (parameter == INFINITY) return &largest_f64;
        if (parameter == -INFINITY) return &smallest_f64;
        return &powers_f64;
    default: return NULL;
    }
}
