/// Fills from the counter-based stream. Element e's numbers depend on (seed, offset, e) alone.
#include "../math/float32.h"
#include "../pointwise/loops.h"
#include "../support/plan.h"
#include "philox.h"
#include <stdatomic.h>

/// Elements per group. A group takes 32 blocks: 128 words, two for each of its 64 elements (narrow distributions use the first 64 words).
enum { GROUP = 64, GROUP_BLOCKS = 32, GROUPS_PER_TASK = 64 };

typedef enum { UNIFORM_32, UNIFORM_64, NORMAL_32, NORMAL_64, INTEGERS, BERNOULLI, BERNOULLI_TENSOR, EXPONENTIAL } kind;

typedef struct {
    kind kind;
    apus_random_state state;
    double a, b;
    double last; // the greatest number that a uniform distribution may give
    int64_t low;
    uint64_t range;
    int32_t made; // the dtype that groups are made in
    atomic_bool refused; // a probability of a tensor is none
    const apus_view *out;
    const apus_plan *plan; // operands: p (or out again), out
    bool whole;
} job;

uint64_t apus_random_advance(int64_t count) { return count <= 0 ? 0 : ((uint64_t)(count - 1) / GROUP + 1) * GROUP_BLOCKS; }

APUS_CLONES static void words_of(uint64_t seed, uint64_t first, uint32_t *out) {
    for (int half = 0; half < 2; half++) {
        uint32_t words[4][APUS_PHILOX_LANES];
        apus_philox_blocks(seed, first + (uint64_t)(half * APUS_PHILOX_LANES), words);
        memcpy(out + half * APUS_PHILOX_WORDS, words, sizeof words);
    }
}
/// Only the first half of a group's words.
APUS_CLONES static void half_words_of(uint64_t seed, uint64_t first, uint32_t *out) {
    uint32_t words[4][APUS_PHILOX_LANES];
    apus_philox_blocks(seed, first, words);
    memcpy(out, words, sizeof words);
}

/// [0, 1) in steps of 2^-24 and 2^-53.
APUS_INLINE float unit_f32(uint32_t w) { return (float)(int32_t)(w >> 8) * 5.9604644775390625e-8f; }
APUS_INLINE double unit_f64(uint32_t a, uint32_t b) { return (double)(int64_t)(((uint64_t)a << 32 | b) >> 11) * 1.1102230246251565e-16; }

/// The greatest number of float16 or bfloat16 that is not above x; of another dtype x itself.
APUS_INLINE float floor_in(float x, int32_t dtype) {
    uint32_t bits, dropped = dtype == APUS_FLOAT16 ? 0x1FFFu : dtype == APUS_BFLOAT16 ? 0xFFFFu : 0u;
    memcpy(&bits, &x, 4);
    bits = (bits + (bits >> 31 ? dropped : 0u)) & ~dropped;
    float kept;
    memcpy(&kept, &bits, 4);
    // Below 2^-14 the numbers of float16 lie 2^-24 apart.
    bool even = dtype == APUS_FLOAT16 && fabsf(x) < 6.103515625e-5f;
    return even ? floorf(x * 16777216.0f) * 5.9604644775390625e-8f : kept;
}

/// What rounds to the upper bound stays below it, and narrower dtypes cut off downwards, so that a number below v has v's probability.
APUS_CLONES static void uniform_32(const job *j, const uint32_t *w, float *o) {
    float low = (float)j->a, range = (float)(j->b - j->a), last = (float)j->last;
    int32_t dtype = j->out->dtype;
    APUS_SIMD for (int i = 0; i < GROUP; i++) {
        float x = unit_f32(w[i]) * range + low;
        o[i] = x < last ? x : last;
    }
    if (dtype == APUS_FLOAT16) APUS_SIMD for (int i = 0; i < GROUP; i++) o[i] = floor_in(o[i], APUS_FLOAT16);
    if (dtype == APUS_BFLOAT16) APUS_SIMD for (int i = 0; i < GROUP; i++) o[i] = floor_in(o[i], APUS_BFLOAT16);
}
static void uniform_64(const job *j, const uint32_t *w, double *o) {
    double range = j->b - j->a;
    for (int i = 0; i < GROUP; i++) {
        double x = unit_f64(w[i], w[i + GROUP]) * range + j->a;
        o[i] = x < j->last ? x : j->last;
    }
}
/// Box and Muller: two normal numbers from two uniform ones.
APUS_CLONES static void normal_32(const job *j, const uint32_t *w, float *o) {
    float mean = (float)j->a, deviation = (float)j->b;
    APUS_SIMD for (int i = 0; i < GROUP / 2; i++) {
        float u = 1.0f - unit_f32(w[i]); // (0, 1]
        float radius = __builtin_elementwise_sqrt(-2.0f * apus_log_f32(u)) * deviation;
        uint32_t v = w[i + GROUP / 2];
        float turn = (float)(int32_t)(v & 0x3FFFFFFFu) * 1.4629180792671596e-9f - 0.78539816339f; // a quarter turn; the top bits choose which
        uint32_t quadrant = v >> 30;
        o[i] = apus_sin_quadrant_f32(turn, 0.0f, quadrant + 1) * radius + mean;
        o[i + GROUP / 2] = apus_sin_quadrant_f32(turn, 0.0f, quadrant) * radius + mean;
    }
}
static void normal_64(const job *j, const uint32_t *w, double *o) {
    for (int i = 0; i < GROUP / 2; i++) {
        double u = 1 - unit_f64(w[i], w[i + GROUP]), v = unit_f64(w[i + GROUP / 2], w[i + GROUP + GROUP / 2]);
        double radius = sqrt(-2 * log(u)) * j->b, angle = 2 * M_PI * v;
        o[i] = radius * cos(angle) + j->a;
        o[i + GROUP / 2] = radius * sin(angle) + j->a;
    }
}
static void integers(const job *j, const uint32_t *w, int64_t *o) {
    if (j->range <= UINT32_MAX) { // 64-bit words: the bias is below 2^-32
        uint64_t range = j->range;
        for (int i = 0; i < GROUP; i++) {
            uint64_t word = (uint64_t)w[i] << 32 | w[i + GROUP];
            o[i] = j->low + (int64_t)(uint64_t)(((unsigned __int128)word * range) >> 64);
        }
        return;
    }
    for (int i = 0; i < GROUP; i++) {
        uint64_t word = (uint64_t)w[i] << 32 | w[i + GROUP];
        uint64_t drawn = (uint64_t)(((unsigned __int128)word * j->range) >> 64);
        o[i] = (int64_t)((uint64_t)j->low + (j->range == 0 ? word : drawn)); // a range of 0 stands for 2^64
    }
}
/// Of positive numbers: half a step stands for the uniform number 0.
static void exponential(const job *j, const uint32_t *w, double *o) {
    for (int i = 0; i < GROUP; i++) {
        double u = unit_f64(w[i], w[i + GROUP]);
        o[i] = -log1p(-(u > 0 ? u : 5.5511151231257827e-17)) / j->a;
    }
}

/// Makes one group of elements in the `made` dtype.
static void make_group(const job *j, int64_t group, char *made, double *uniforms) {
    uint32_t words[2 * APUS_PHILOX_WORDS];
    uint64_t first = j->state.offset + (uint64_t)group * GROUP_BLOCKS;
    if (j->kind == UNIFORM_32 || j->kind == NORMAL_32) half_words_of(j->state.seed, first, words);
    else words_of(j->state.seed, first, words);
    switch (j->kind) {
    case UNIFORM_32: uniform_32(j, words, (float *)made); break;
    case UNIFORM_64: uniform_64(j, words, (double *)made); break;
    case NORMAL_32: normal_32(j, words, (float *)made); break;
    case NORMAL_64: normal_64(j, words, (double *)made); break;
    case INTEGERS: integers(j, words, (int64_t *)made); break;
    case EXPONENTIAL: exponential(j, words, (double *)made); break;
    case BERNOULLI:
        for (int i = 0; i < GROUP; i++) made[i] = unit_f64(words[i], words[i + GROUP]) < j->a;
        break;
    case BERNOULLI_TENSOR:
        for (int i = 0; i < GROUP; i++) uniforms[i] = unit_f64(words[i], words[i + GROUP]);
        break;
    }
}

static void fill_range(void *context, int64_t begin, int64_t end) {
    job *shared = context;
    const job *j = shared;
    const apus_plan *p = j->plan;
    _Alignas(64) char made[GROUP * 16], packed[GROUP * 16];
    double uniforms[GROUP];
    int64_t item = p->item[1], coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_loop cast = apus_cast_loop(j->made, p->dtypes[1]), widen = apus_cast_loop(p->dtypes[0], APUS_FLOAT64);
    if (!j->whole) apus_plan_offsets(p, p->rank, begin * GROUP, coordinates, offsets);
    for (int64_t g = begin; g < end; g++) {
        make_group(j, g, made, uniforms);
        int64_t n = APUS_MIN(GROUP, p->count - g * GROUP);
        if (j->whole) {
            cast(p->data[1] + g * GROUP * item, made, NULL, NULL, n, NULL);
            continue;
        }
        if (j->kind != BERNOULLI_TENSOR) cast(packed, made, NULL, NULL, n, NULL);
        for (int64_t i = 0; i < n; i++) {
            if (j->kind == BERNOULLI_TENSOR) {
                double probability;
                widen(&probability, p->data[0] + offsets[0], NULL, NULL, 1, NULL);
                if (!(probability >= 0 && probability <= 1)) atomic_store_explicit(&shared->refused, true, memory_order_relaxed);
                made[i] = uniforms[i] < probability;
                cast(p->data[1] + offsets[1], made + i, NULL, NULL, 1, NULL);
            } else {
                memcpy(p->data[1] + offsets[1], packed + i * item, (size_t)item);
            }
            apus_plan_next(p, p->rank, coordinates, offsets);
        }
    }
}

static int run(job *j, const apus_view *probabilities, const apus_view *out) {
    const apus_view *views[] = {probabilities ? probabilities : out, out};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status != APUS_OK || plan.count == 0) return status;
    j->plan = &plan;
    j->out = out;
    j->whole = !probabilities && apus_view_is_contiguous(out);
    apus_parallel_for((plan.count - 1) / GROUP + 1, GROUPS_PER_TASK, fill_range, j);
    return atomic_load_explicit(&j->refused, memory_order_relaxed) ? APUS_INVALID_ARGUMENT : APUS_OK;
}

static bool is_wide(const apus_view *out) { return out->dtype == APUS_FLOAT64 || out->dtype == APUS_COMPLEX128; }

/// The number as it is in a dtype, rounded to the nearest.
static double in_dtype(double x, int32_t dtype) {
    uint64_t held;
    double found;
    apus_cast_loop(APUS_FLOAT64, dtype)(&held, &x, NULL, NULL, 1, NULL);
    apus_cast_loop(dtype, APUS_FLOAT64)(&found, &held, NULL, NULL, 1, NULL);
    return found;
}
/// The greatest number of a floating-point dtype below one of its numbers.
static double before(double x, int32_t dtype) {
    if (dtype == APUS_FLOAT64) return nextafter(x, -INFINITY);
    return floor_in(nextafterf((float)x, -INFINITY), dtype);
}

int apus_random_uniform(apus_random_state state, double low, double high, const apus_view *out) {
    if (!apus_dtype_is_floating(out->dtype)) return APUS_UNSUPPORTED;
    if (!(low <= high)) return APUS_INVALID_ARGUMENT;
    int32_t dtype = out->dtype;
    low = in_dtype(low, dtype);
    high = in_dtype(high, dtype);
    if (!isfinite(low) || !isfinite(in_dtype(high - low, dtype))) return APUS_INVALID_ARGUMENT;
    job j = {.kind = is_wide(out) ? UNIFORM_64 : UNIFORM_32, .state = state, .a = low, .b = high, .made = is_wide(out) ? APUS_FLOAT64 : APUS_FLOAT32};
    j.last = low < high ? before(high, dtype) : low;
    return run(&j, NULL, out);
}
int apus_random_normal(apus_random_state state, double mean, double deviation, const apus_view *out) {
    if (!(deviation >= 0)) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_floating(out->dtype)) return APUS_UNSUPPORTED;
    job j = {.kind = is_wide(out) ? NORMAL_64 : NORMAL_32, .state = state, .a = mean, .b = deviation, .made = is_wide(out) ? APUS_FLOAT64 : APUS_FLOAT32};
    return run(&j, NULL, out);
}
/// The greatest integer that is not above x and has no more than so many significant digits in base 2.
static __int128 floor_to_digits(__int128 x, int digits) {
    __int128 step = 1;
    while ((x < 0 ? -x : x) / step >> digits) step <<= 1;
    return x & -step;
}

bool apus_random_bounds(int32_t dtype, int64_t *low, int64_t *high) {
    if (*low >= *high || !apus_dtype_is_valid(dtype) || apus_dtype_is_complex(dtype)) return false;
    static const __int128 limits[][2] = {
        [APUS_BOOL] = {0, 1}, [APUS_UINT8] = {0, UINT8_MAX}, [APUS_INT8] = {INT8_MIN, INT8_MAX}, [APUS_INT16] = {INT16_MIN, INT16_MAX},
        [APUS_INT32] = {INT32_MIN, INT32_MAX}, [APUS_INT64] = {INT64_MIN, INT64_MAX}, [APUS_FLOAT16] = {-65504, 65504},
        [APUS_BFLOAT16] = {INT64_MIN, INT64_MAX}, [APUS_FLOAT32] = {INT64_MIN, INT64_MAX}, [APUS_FLOAT64] = {INT64_MIN, INT64_MAX},
    };
    static const int digits[] = {[APUS_FLOAT16] = 11, [APUS_BFLOAT16] = 8, [APUS_FLOAT32] = 24, [APUS_FLOAT64] = 53};
    __int128 first = *low, last = (__int128)*high - 1;
    if (first < limits[dtype][0] || last > limits[dtype][1]) return false;
    if (apus_dtype_is_floating(dtype)) {
        first = -floor_to_digits(-first, digits[dtype]);
        last = floor_to_digits(last, digits[dtype]);
    }
    if (first > last) return false;
    *low = (int64_t)first;
    *high = (int64_t)(last + 1);
    return true;
}

int apus_random_integers(apus_random_state state, int64_t low, int64_t high, const apus_view *out) {
    if (low >= high || !apus_random_bounds(out->dtype, &low, &high)) return APUS_INVALID_ARGUMENT;
    job j = {.kind = INTEGERS, .state = state, .low = low, .range = (uint64_t)high - (uint64_t)low, .made = APUS_INT64};
    return run(&j, NULL, out);
}
int apus_random_bernoulli(apus_random_state state, double p, const apus_view *out) {
    if (!(p >= 0 && p <= 1)) return APUS_INVALID_ARGUMENT;
    job j = {.kind = BERNOULLI, .state = state, .a = p, .made = APUS_BOOL};
    return run(&j, NULL, out);
}
int apus_random_bernoulli_tensor(apus_random_state state, const apus_view *p, const apus_view *out) {
    if (!apus_dtype_is_floating(p->dtype)) return APUS_UNSUPPORTED;
    job j = {.kind = BERNOULLI_TENSOR, .state = state, .made = APUS_BOOL};
    return run(&j, p, out);
}
int apus_random_exponential(apus_random_state state, double rate, const apus_view *out) {
    if (!(rate > 0)) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_floating(out->dtype)) return APUS_UNSUPPORTED;
    job j = {.kind = EXPONENTIAL, .state = state, .a = rate, .made = APUS_FLOAT64};
    return run(&j, NULL, out);
}

int apus_random_dropout(apus_random_state state, double p, const apus_view *in, const apus_view *out, const apus_view *mask) {
    if (!(p >= 0 && p <= 1)) return APUS_INVALID_ARGUMENT;
    int64_t count = apus_view_count(in), strides[64], step = 1;
    if (in->rank > 64) return APUS_RANK_TOO_HIGH;
    for (int32_t d = in->rank - 1; d >= 0; d--) {
        strides[d] = step;
        step *= in->sizes[d];
    }
    void *own = mask ? NULL : apus_allocate(count);
    if (!mask && !own) return APUS_OUT_OF_MEMORY;
    apus_view keep = mask ? *mask : (apus_view){own, in->sizes, strides, in->rank, APUS_BOOL};
    int status = apus_random_bernoulli(state, 1 - p, &keep);
    double factor = p < 1 ? 1 / (1 - p) : 0, zero = 0;
    apus_view scale = {&factor, NULL, NULL, 0, APUS_FLOAT64}, nothing = {&zero, NULL, NULL, 0, APUS_FLOAT64};
    apus_instruction program[2] = {
        {.op = APUS_OP_MUL, .compute = out->dtype, .out = 4, .a = 0, .b = 1},
        {.op = APUS_OP_WHERE, .compute = out->dtype, .out = 5, .a = 2, .b = 4, .c = 3},
    };
    apus_view inputs[4] = {*in, scale, keep, nothing};
    int32_t result = 5;
    if (status == APUS_OK) status = apus_fused(program, 2, inputs, 4, &result, out, 1);
    apus_free(own);
    return status;
}
