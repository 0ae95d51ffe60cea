/// Permutations and draws by weight.
#include "../pointwise/loops.h"
#include "philox.h"

/// A sequential reader of the stream.
typedef struct {
    apus_random_state state;
    uint32_t words[4][APUS_PHILOX_LANES];
    int used;
} stream;

static uint64_t next(stream *s) {
    if (s->used == 0) {
        apus_philox_blocks(s->state.seed, s->state.offset, s->words);
        s->state.offset += APUS_PHILOX_LANES;
    }
    uint32_t *flat = &s->words[0][0];
    uint64_t word = (uint64_t)flat[s->used] << 32 | flat[s->used + 1];
    s->used = (s->used + 2) % APUS_PHILOX_WORDS;
    return word;
}
static uint64_t below(stream *s, uint64_t range) { return (uint64_t)(((unsigned __int128)next(s) * range) >> 64); }
static double unit(stream *s) { return (double)(int64_t)(next(s) >> 11) * 1.1102230246251565e-16; }

int apus_random_permutation(apus_random_state state, const apus_view *out) {
    if (out->rank != 1) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_valid(out->dtype)) return APUS_UNSUPPORTED;
    int64_t n = out->sizes[0], one = 1;
    int64_t *order = apus_allocate(n * 8);
    if (!order) return APUS_OUT_OF_MEMORY;
    for (int64_t i = 0; i < n; i++) order[i] = i;
    stream s = {.state = state};
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)below(&s, (uint64_t)i + 1), t = order[i];
        order[i] = order[k];
        order[k] = t;
    }
    apus_view in = {order, &n, &one, 1, APUS_INT64};
    int status = apus_copy(&in, out);
    apus_free(order);
    return status;
}

/// Brings weights near the ends of float64, whose sum or quotients would leave it, to a scale where they do not.
static void rescale(double *w, int64_t categories) {
    double most = 0;
    int exponent;
    for (int64_t c = 0; c < categories; c++) most = w[c] > most ? w[c] : most;
    frexp(most, &exponent);
    if (isfinite(most) && (exponent > 512 || exponent < -512))
        for (int64_t c = 0; c < categories; c++) w[c] = ldexp(w[c], -exponent);
}

/// One row of draws: by the cumulative sum, or, without replacement, the largest of log(u) / w (Efraimidis and Spirakis).
static int draw_row(stream *s, bool replacement, double *w, int64_t categories, int64_t draws, double *scratch, int64_t *out, int64_t out_step) {
    double sum = 0;
    int64_t positive = 0;
    rescale(w, categories);
    for (int64_t c = 0; c < categories; c++) {
        if (!(w[c] >= 0) || isinf(w[c])) return APUS_INVALID_ARGUMENT;
        sum += w[c];
        scratch[c] = sum;
        positive += w[c] > 0;
    }
    if (!(sum > 0) || isinf(sum)) return APUS_INVALID_ARGUMENT;
    if (replacement) {
        for (int64_t d = 0; d < draws; d++) {
            double x = unit(s) * sum;
            int64_t low = 0, high = categories - 1;
            while (low < high) {
                int64_t middle = (low + high) / 2;
                if (scratch[middle] > x) high = middle;
                else low = middle + 1;
            }
            while (low > 0 && w[low] == 0) low--;
            out[d * out_step] = low;
        }
        return APUS_OK;
    }
    if (positive < draws) return APUS_INVALID_ARGUMENT;
    for (int64_t c = 0; c < categories; c++) {
        double u = 1 - unit(s);
        scratch[c] = w[c] > 0 ? log(u) / w[c] : -INFINITY;
    }
    for (int64_t d = 0; d < draws; d++) {
        int64_t best = -1;
        for (int64_t c = 0; c < categories; c++)
            if (w[c] > 0 && scratch[c] == scratch[c] && (best < 0 || scratch[c] > scratch[best])) best = c;
        if (best < 0) return APUS_INVALID_ARGUMENT;
        out[d * out_step] = best;
        scratch[best] = NAN;
    }
    return APUS_OK;
}

int apus_random_multinomial(apus_random_state state, bool replacement, const apus_view *weights, const apus_view *out) {
    if (out->dtype != APUS_INT64 || !apus_dtype_is_floating(weights->dtype)) return APUS_UNSUPPORTED;
    int32_t rank = weights->rank;
    if ((rank != 1 && rank != 2) || out->rank != rank) return APUS_INVALID_ARGUMENT;
    int64_t rows = rank == 2 ? weights->sizes[0] : 1, categories = weights->sizes[rank - 1], draws = out->sizes[rank - 1];
    if (rank == 2 && out->sizes[0] != rows) return APUS_INVALID_ARGUMENT;
    if (rows == 0 || draws == 0) return APUS_OK;
    if (categories == 0 || (!replacement && draws > categories)) return APUS_INVALID_ARGUMENT;
    double *w = apus_allocate(categories * 16);
    if (!w) return APUS_OUT_OF_MEMORY;
    stream s = {.state = state};
    int status = APUS_OK;
    for (int64_t r = 0; r < rows && status == APUS_OK; r++) {
        int64_t one = 1, item = apus_dtype_size(weights->dtype);
        apus_view row = {(char *)weights->data + (rank == 2 ? r * weights->strides[0] * item : 0), &categories, &weights->strides[rank - 1], 1, weights->dtype};
        apus_view wide = {w, &categories, &one, 1, APUS_FLOAT64};
        status = apus_copy(&row, &wide);
        int64_t *target = (int64_t *)out->data + (rank == 2 ? r * out->strides[0] : 0);
        if (status == APUS_OK) status = draw_row(&s, replacement, w, categories, draws, w + categories, target, out->strides[rank - 1]);
    }
    apus_free(w);
    return status;
}
