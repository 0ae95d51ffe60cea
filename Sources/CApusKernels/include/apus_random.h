#ifndef APUS_RANDOM_H
#define APUS_RANDOM_H
#include "apus_view.h"

/// A place in a counter-based stream (Philox4x32-10): the same `(seed, offset)` gives the same numbers on any number of threads.
typedef struct apus_random_state {
    uint64_t seed;
    uint64_t offset;
} apus_random_state;

/// By how much to advance the offset after a call that filled `count` elements.
uint64_t apus_random_advance(int64_t count);

/// Uniform on [low, high), both rounded to the dtype first; `low` where they are one then. APUS_INVALID_ARGUMENT where high - low is no finite
/// number of the dtype.
int apus_random_uniform(apus_random_state state, double low, double high, const apus_view *out);
int apus_random_normal(apus_random_state state, double mean, double deviation, const apus_view *out);
/// Narrows [low, high) to what a dtype holds: a floating-point one has not every integer beyond its digits. False where a bound is out of the
/// dtype's range or nothing remains.
bool apus_random_bounds(int32_t dtype, int64_t *low, int64_t *high);
/// Uniform integers on [low, high); also into floating dtypes. APUS_INVALID_ARGUMENT where the dtype does not hold them.
int apus_random_integers(apus_random_state state, int64_t low, int64_t high, const apus_view *out);
/// 1 with probability p, else 0.
int apus_random_bernoulli(apus_random_state state, double p, const apus_view *out);
/// 1 with the probability that stands in `p` (same sizes). APUS_INVALID_ARGUMENT where one is not in [0, 1].
int apus_random_bernoulli_tensor(apus_random_state state, const apus_view *p, const apus_view *out);
int apus_random_exponential(apus_random_state state, double rate, const apus_view *out);
/// Dropout: out = in * mask / (1 - p), mask true with probability 1 - p; `mask` (bool) may be null.
int apus_random_dropout(apus_random_state state, double p, const apus_view *in, const apus_view *out, const apus_view *mask);
/// A permutation of 0 ..< n into rank 1 `out`.
int apus_random_permutation(apus_random_state state, const apus_view *out);
/// Draws per row of `weights` ([rows, categories] or [categories], not negative) into int64 `out` ([rows, draws] or [draws]).
/// APUS_INVALID_ARGUMENT for weights that are negative, not finite, or sum to zero, or too few to draw without replacement.
int apus_random_multinomial(apus_random_state state, bool replacement, const apus_view *weights, const apus_view *out);
#endif
