/// The vector loops behind micro-operations: contiguous operands of one register type.
#ifndef APUS_LOOPS_H
#define APUS_LOOPS_H
#include "../support/internal.h"

/// Runs over n elements; `out` may be exactly an operand. Unused operands are null. `p` is never null.
typedef int (*apus_loop)(void *out, const void *a, const void *b, const void *c, int64_t n, const apus_params *p);

/// Tables by operation, null where it does not exist. Registers hold bool, int32, int64, float32, float64, complex64 or complex128.
extern const apus_loop apus_loops_bool[APUS_OP_END];
extern const apus_loop apus_loops_i32[APUS_OP_END];
extern const apus_loop apus_loops_i64[APUS_OP_END];
extern const apus_loop apus_loops_f32[APUS_OP_END];
extern const apus_loop apus_loops_f64[APUS_OP_END];
extern const apus_loop apus_loops_c64[APUS_OP_END];
extern const apus_loop apus_loops_c128[APUS_OP_END];

/// Conversions between contiguous runs of any two dtypes, with the signature of a loop (`a` is the source). Never null for valid dtypes.
apus_loop apus_cast_loop(int32_t from, int32_t to);

/// Copies `n` elements of `item` bytes between strided places (strides in bytes).
void apus_move(void *out, int64_t out_stride, const void *in, int64_t in_stride, int64_t n, int64_t item);
/// out[i][j] = in[j][i]: rows of `out` lie `out_stride` bytes apart, columns of `in` (neighbouring elements) become rows.
void apus_transpose(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns, int64_t item);
/// Repeats one element.
void apus_repeat(void *out, const void *element, int64_t n, int64_t item);

/// The dtype of the registers that a compute dtype works in: narrow integers in int32, halves in float32.
APUS_INLINE int32_t apus_register_dtype(int32_t compute) {
    if (compute == APUS_UINT8 || compute == APUS_INT8 || compute == APUS_INT16) return APUS_INT32;
    if (compute == APUS_FLOAT16 || compute == APUS_BFLOAT16) return APUS_FLOAT32;
    return compute;
}
/// The loop of an operation on a register dtype, or null.
apus_loop apus_find_loop(int32_t op, int32_t register_dtype);
#endif
