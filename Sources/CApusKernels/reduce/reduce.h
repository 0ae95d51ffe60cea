/// How reductions are put together: input tiles are converted to a register dtype and folded into accumulators.
#ifndef APUS_REDUCE_INTERNAL_H
#define APUS_REDUCE_INTERNAL_H
#include "../pointwise/loops.h"
#include "../support/plan.h"

/// One reduction on one register dtype. Accumulators are wider where it pays (float32 sums live in float64).
typedef struct apus_fold {
    /// Folds n consecutive elements into one accumulator.
    void (*row)(void *accumulator, const void *elements, int64_t n, double parameter);
    /// Folds element i of each of `rows` rows, which lie `stride` bytes apart, into accumulator i.
    void (*columns)(void *accumulators, const void *elements, int64_t stride, int64_t rows, int64_t n, double parameter);
    /// Folds n accumulators `from` into those at `into`, one by one.
    void (*combine)(void *into, const void *from, int64_t n);
    /// Sets n accumulators to the neutral element.
    void (*clear)(void *accumulators, int64_t n);
    int32_t register_dtype;
    int32_t accumulator_dtype;
} apus_fold;

/// The fold for an operation and the dtypes of memory; null if there is none.
const apus_fold *apus_find_fold(apus_reduce_op op, double parameter, int32_t in, int32_t out);

/// The views' common dimensions split into kept (outer) and reduced (inner) ones, each merged and ordered.
typedef struct apus_reduce_plan {
    apus_plan kept;    // operands: in, out, and further outputs
    apus_plan reduced; // operand: in
} apus_reduce_plan;

/// `outputs` have size 1 where reduced. `reorder` allows reduced dimensions to be walked in memory order.
int apus_reduce_plan_make(apus_reduce_plan *plan, const apus_view *in, const apus_view *const *outputs, int32_t n_out, bool reorder);

/// The only reduced dimension, if there is just one and the input runs along kept ones instead; else -1.
int32_t apus_reduced_dimension(const apus_reduce_plan *plan, const apus_view *in, const apus_view *out);

/// Reads `n` elements of the reduced dimensions from position `start`, relative to `base`, packed and converted; returns `base` itself if it can be used in place.
const void *apus_load_reduced(const apus_plan *reduced, const char *base, int64_t start, int64_t n, int32_t register_dtype, char *raw, char *converted);
#endif
