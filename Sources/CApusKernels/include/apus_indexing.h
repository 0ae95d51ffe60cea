#ifndef APUS_INDEXING_H
#define APUS_INDEXING_H
#include "apus_view.h"

/// Index views are int64 or int32. Where an index is out of bounds the status is APUS_INDEX_OUT_OF_BOUNDS and `bad_index` (may be null) gets the value.

typedef enum apus_scatter_op {
    APUS_SCATTER_SET = 0,
    APUS_SCATTER_ADD = 1,
    APUS_SCATTER_MULTIPLY = 2,
    APUS_SCATTER_MAX = 3,
    APUS_SCATTER_MIN = 4,
} apus_scatter_op;

/// out[..., i, ...] = in[..., index[..., i, ...], ...] along `dim`; `out` has `index`'s sizes. Negative indices are out of bounds, as in PyTorch.
int apus_gather(int32_t dim, const apus_view *in, const apus_view *index, const apus_view *out, int64_t *bad_index);
/// Writes `source` (sizes at least `index`'s; strides of 0 broadcast a scalar) into `out` at `index` along `dim`. `out` already holds its other values.
/// In order of the elements, so that the last of several writes wins.
int apus_scatter(apus_scatter_op op, int32_t dim, const apus_view *index, const apus_view *source, const apus_view *out, int64_t *bad_index);
/// Slices of `in` along `dim` at a rank 1 `index`. Negative indices are out of bounds.
int apus_index_select(int32_t dim, const apus_view *in, const apus_view *index, const apus_view *out, int64_t *bad_index);
/// out[..., index[i], ...] op= source[..., i, ...].
int apus_index_add(apus_scatter_op op, int32_t dim, double alpha, const apus_view *index, const apus_view *source, const apus_view *out, int64_t *bad_index);

/// Advanced indexing. `indices[d]` indexes dimension d of `in`, or is null where the dimension is taken whole. All given index views have one shape (the
/// caller broadcasts with strides of 0) of rank `index_rank`, whose dimensions stand in `out` from position `index_position`; the other dimensions keep their order.
/// Negative indices wrap once.
int apus_index(const apus_view *in, const apus_view *const *indices, int32_t index_rank, int32_t index_position, const apus_view *out, int64_t *bad_index);
/// The reverse: writes (or adds) `values`, of the shape that `apus_index` would give, into `out`.
int apus_index_put(bool accumulate, const apus_view *const *indices, int32_t index_rank, int32_t index_position, const apus_view *values, const apus_view *out,
                   int64_t *bad_index);
/// Checks that every index is at least `lowest` and below `size`.
int apus_check_indices(const apus_view *index, int64_t lowest, int64_t size, int64_t *bad_index);

/// Rows of `weight` [rows, columns] at `index` (any shape), to `out` of shape index + [columns].
int apus_embedding(const apus_view *weight, const apus_view *index, const apus_view *out, int64_t *bad_index);
/// Adds rows of `grad` (index + [columns]) into `grad_weight` [rows, columns], which is zeroed first; `padding_index` < 0 for none.
int apus_embedding_backward(const apus_view *grad, const apus_view *index, int64_t padding_index, bool scale_by_frequency, const apus_view *grad_weight,
                            int64_t *bad_index);

/// How many elements are not zero.
int apus_nonzero_count(const apus_view *in, int64_t *count);
/// Their coordinates, to int64 `out` [count, rank] of any strides, row-major order.
int apus_nonzero(const apus_view *in, const apus_view *out);
/// Elements of `in` where bool `mask` (same sizes) holds, to rank 1 `out`. APUS_INVALID_ARGUMENT if the count differs from `out`'s size.
int apus_masked_select(const apus_view *in, const apus_view *mask, const apus_view *out);
/// Writes the elements of `source`, in row-major order, where `mask` holds. APUS_INVALID_ARGUMENT if there are too few.
int apus_masked_scatter(const apus_view *mask, const apus_view *source, const apus_view *out);
/// How often each value below `out`'s size occurs in `in` (integers); `weights` may be null. `out` is zeroed first.
int apus_bincount(const apus_view *in, const apus_view *weights, const apus_view *out, int64_t *bad_index);
/// How many elements of `in` lie between neighbouring `edges`, ascending and about equally far apart, one more than `out` (int64, rank 1) has elements; the
/// last edge belongs to the last bin. Contiguous; `in` and `edges` float32 or float64.
int apus_histogram(const apus_view *in, const apus_view *edges, const apus_view *out);
#endif
