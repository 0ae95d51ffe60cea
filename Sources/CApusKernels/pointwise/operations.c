/// Facts about micro-operations.
#include "loops.h"

apus_loop apus_find_loop(int32_t op, int32_t register_dtype) {
    if (op < 0 || op >= APUS_OP_END) return NULL;
    switch (register_dtype) {
    case APUS_BOOL: return apus_loops_bool[op];
    case APUS_INT32: return apus_loops_i32[op];
    case APUS_INT64: return apus_loops_i64[op];
    case APUS_FLOAT32: return apus_loops_f32[op];
    case APUS_FLOAT64: return apus_loops_f64[op];
    case APUS_COMPLEX64: return apus_loops_c64[op];
    case APUS_COMPLEX128: return apus_loops_c128[op];
    default: return NULL;
    }
}

bool apus_op_is_supported(int32_t op, int32_t compute) {
    return apus_dtype_is_valid(compute) && apus_find_loop(op, apus_register_dtype(compute)) != NULL;
}

int apus_op_arity(int32_t op) {
    if (op < 0 || op >= APUS_OP_END || !apus_loops_f32[op]) {
        bool integer = op >= 0 && op < APUS_OP_END && apus_loops_i32[op];
        if (!integer) return 0;
    }
    return op < APUS_OP_ADD ? 1 : op < APUS_OP_WHERE ? 2 : 3;
}

int32_t apus_op_result_dtype(int32_t op, int32_t compute) {
    if ((op >= APUS_OP_ISNAN && op <= APUS_OP_LOGICAL_NOT) || (op >= APUS_OP_EQ && op <= APUS_OP_LOGICAL_XOR)) return APUS_BOOL;
    if (op == APUS_OP_ABS || op == APUS_OP_ANGLE) {
        if (compute == APUS_COMPLEX64) return APUS_FLOAT32;
        if (compute == APUS_COMPLEX128) return APUS_FLOAT64;
    }
    return compute;
}
