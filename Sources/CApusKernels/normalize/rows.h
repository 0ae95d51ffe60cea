/// Rows of any floating dtype, seen as float32 or float64.
#ifndef APUS_ROWS_H
#define APUS_ROWS_H
#include "../pointwise/loops.h"

/// Scratch for one row: null `memory` where rows can be used in place.
APUS_INLINE int32_t apus_work_dtype(int32_t dtype) { return dtype == APUS_FLOAT64 ? APUS_FLOAT64 : APUS_FLOAT32; }

/// A packed copy of `n` elements in the work dtype, or the elements themselves if they already are that.
static inline const void *apus_row_in(const char *data, int64_t stride, int64_t n, int32_t dtype, int32_t work, char *scratch) {
    int64_t item = apus_dtype_size(dtype);
    if (dtype == work && (stride == item || n == 1)) return data;
    if (dtype == work) {
        apus_move(scratch, item, data, stride, n, item);
        return scratch;
    }
    apus_loop cast = apus_cast_loop(dtype, work);
    int64_t wide = apus_dtype_size(work);
    if (stride == item) {
        cast(scratch, data, NULL, NULL, n, NULL);
        return scratch;
    }
    for (int64_t i = 0; i < n; i++) cast(scratch + i * wide, data + i * stride, NULL, NULL, 1, NULL);
    return scratch;
}
/// Whether a view, where there is one, has `a * b` elements of a floating dtype: what a kernel that is told counts will touch.
static inline bool apus_has_count(const apus_view *view, int64_t a, int64_t b) {
    int64_t count;
    if (!view) return true;
    return apus_dtype_is_floating(view->dtype) && a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, &count) && apus_view_count(view) == count;
}
/// Where to compute a row that goes to memory: the memory itself, or scratch.
static inline void *apus_row_target(char *data, int64_t stride, int64_t n, int32_t dtype, int32_t work, char *scratch) {
    return dtype == work && (stride == apus_dtype_size(dtype) || n == 1) ? data : scratch;
}
static inline void apus_row_out(char *data, int64_t stride, int64_t n, int32_t dtype, int32_t work, const void *row) {
    if (row == data) return;
    int64_t item = apus_dtype_size(dtype), wide = apus_dtype_size(work);
    if (dtype == work) {
        apus_move(data, stride, row, item, n, item);
        return;
    }
    apus_loop cast = apus_cast_loop(work, dtype);
    if (stride == item) cast(data, row, NULL, NULL, n, NULL);
    else
        for (int64_t i = 0; i < n; i++) cast(data + i * stride, (const char *)row + i * wide, NULL, NULL, 1, NULL);
}
#endif
