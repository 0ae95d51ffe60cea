#ifndef APUS_VIEW_H
#define APUS_VIEW_H
#include <stdbool.h>
#include <stdint.h>

/// Element types, in the numbering that views carry.
typedef enum apus_dtype {
    APUS_BOOL = 0,
    APUS_UINT8 = 1,
    APUS_INT8 = 2,
    APUS_INT16 = 3,
    APUS_INT32 = 4,
    APUS_INT64 = 5,
    APUS_FLOAT16 = 6,
    APUS_BFLOAT16 = 7,
    APUS_FLOAT32 = 8,
    APUS_FLOAT64 = 9,
    APUS_COMPLEX64 = 10,
    APUS_COMPLEX128 = 11,
} apus_dtype;

/// What a kernel returns. Anything but `APUS_OK` leaves the outputs' contents unspecified.
typedef enum apus_status {
    APUS_OK = 0,
    /// The operation does not exist for these element types.
    APUS_UNSUPPORTED = 1,
    /// An integer was divided by zero.
    APUS_DIVISION_BY_ZERO = 2,
    /// An index lies outside its dimension; the value is in the kernel's `bad_index`.
    APUS_INDEX_OUT_OF_BOUNDS = 3,
    /// Sizes, ranks or parameters do not fit together.
    APUS_INVALID_ARGUMENT = 4,
    /// Scratch memory could not be had.
    APUS_OUT_OF_MEMORY = 5,
    /// An integer was raised to a negative integer power.
    APUS_NEGATIVE_EXPONENT = 6,
    /// The reduction has no value for an empty dimension (max, min, argmax, argmin).
    APUS_EMPTY_REDUCTION = 7,
    /// The views need more dimensions than kernels support, even after merging (see `APUS_MAX_RANK`).
    APUS_RANK_TOO_HIGH = 8,
} apus_status;

/// The largest number of dimensions left after neighbours that can be walked as one were merged.
enum { APUS_MAX_RANK = 64 };

/// A strided window on memory. `data` points at element (0, 0, ...); strides count elements and may be 0 or negative.
/// The caller owns `sizes` and `strides`, which may be null when `rank` is 0.
typedef struct apus_view {
    void *data;
    const int64_t *sizes;
    const int64_t *strides;
    int32_t rank;
    int32_t dtype;
} apus_view;

/// Bytes per element, 0 for an unknown dtype.
int64_t apus_dtype_size(int32_t dtype);
/// The product of the sizes (1 for rank 0); saturates at INT64_MAX.
int64_t apus_view_count(const apus_view *view);
/// Whether elements lie one after the other in row-major order.
bool apus_view_is_contiguous(const apus_view *view);
/// An English sentence for a status.
const char *apus_status_message(int status);
#endif
