#include "reductions.h"

#include "apus_mpi.h"
#include "halves.h"

// MPI's own minimum and maximum leave open what becomes of NaN: processes may end with different results. Here NaN wins, as in PyTorch.

#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))
#define LESS(a, b) ((a) != (a) || (a) < (b) ? (a) : (b))
#define GREATER(a, b) ((a) != (a) || (a) > (b) ? (a) : (b))
#define SAME(x) (x)

#define REDUCTION(name, type, wide, load, store, combine)                                                                                  \
    static void name(void *input, void *output, int *count, MPI_Datatype *datatype) {                                                      \
        const type *in = input;                                                                                                            \
        type *out = output;                                                                                                                \
        (void)datatype;                                                                                                                    \
        for (int i = 0; i < *count; i++) {                                                                                                 \
            wide a = load(in[i]), b = load(out[i]);                                                                                        \
            out[i] = store(combine(a, b));                                                                                                 \
        }                                                                                                                                  \
    }

#define HALF(kind)                                                                                                                         \
    REDUCTION(kind##_sum, uint16_t, float, float_of_##kind, kind##_of_float, ADD)                                                          \
    REDUCTION(kind##_product, uint16_t, float, float_of_##kind, kind##_of_float, MULTIPLY)                                                 \
    REDUCTION(kind##_minimum, uint16_t, float, float_of_##kind, kind##_of_float, LESS)                                                     \
    REDUCTION(kind##_maximum, uint16_t, float, float_of_##kind, kind##_of_float, GREATER)

HALF(float16)
HALF(bfloat16)
REDUCTION(float32_minimum, float, float, SAME, SAME, LESS)
REDUCTION(float32_maximum, float, float, SAME, SAME, GREATER)
REDUCTION(float64_minimum, double, double, SAME, SAME, LESS)
REDUCTION(float64_maximum, double, double, SAME, SAME, GREATER)

static MPI_Datatype half_type = MPI_DATATYPE_NULL;
/// By dtype, from float16 on, and reduction.
static MPI_Op own[4][4];

int apus_mpi_make_reductions(void) {
    static MPI_User_function *const functions[4][4] = {
        {float16_sum, float16_product, float16_minimum, float16_maximum},
        {bfloat16_sum, bfloat16_product, bfloat16_minimum, bfloat16_maximum},
        {NULL, NULL, float32_minimum, float32_maximum},
        {NULL, NULL, float64_minimum, float64_maximum},
    };
    int code = MPI_Type_contiguous(2, MPI_BYTE, &half_type);
    if (code == MPI_SUCCESS) code = MPI_Type_commit(&half_type);
    for (int dtype = 0; dtype < 4; dtype++) {
        for (int reduction = 0; reduction < 4; reduction++) {
            own[dtype][reduction] = MPI_OP_NULL;
            if (code == MPI_SUCCESS && functions[dtype][reduction])
                code = MPI_Op_create(functions[dtype][reduction], 1, &own[dtype][reduction]);
        }
    }
    return code;
}

MPI_Datatype apus_mpi_datatype(int32_t dtype) {
    switch (dtype) {
    case DTYPE_BOOL: return MPI_C_BOOL;
    case DTYPE_UINT8: return MPI_UINT8_T;
    case DTYPE_INT8: return MPI_INT8_T;
    case DTYPE_INT16: return MPI_INT16_T;
    case DTYPE_INT32: return MPI_INT32_T;
    case DTYPE_INT64: return MPI_INT64_T;
    case DTYPE_FLOAT16:
    case DTYPE_BFLOAT16: return half_type;
    case DTYPE_FLOAT32: return MPI_FLOAT;
    case DTYPE_FLOAT64: return MPI_DOUBLE;
    case DTYPE_COMPLEX64: return MPI_C_FLOAT_COMPLEX;
    case DTYPE_COMPLEX128: return MPI_C_DOUBLE_COMPLEX;
    default: return MPI_DATATYPE_NULL;
    }
}

MPI_Op apus_mpi_op(int32_t dtype, int32_t reduction) {
    if (dtype < 0 || dtype >= DTYPE_COUNT || reduction < 0 || reduction > 3) return MPI_OP_NULL;
    // Of truth values the sum and the maximum are "or", the product and the minimum "and".
    if (dtype == DTYPE_BOOL) return reduction == APUS_MPI_SUM || reduction == APUS_MPI_MAXIMUM ? MPI_LOR : MPI_LAND;
    if (dtype >= DTYPE_FLOAT16 && dtype <= DTYPE_FLOAT64 && own[dtype - DTYPE_FLOAT16][reduction] != MPI_OP_NULL)
        return own[dtype - DTYPE_FLOAT16][reduction];
    int is_complex = dtype >= DTYPE_COMPLEX64;
    switch (reduction) {
    case APUS_MPI_SUM: return MPI_SUM;
    case APUS_MPI_PRODUCT: return MPI_PROD;
    case APUS_MPI_MINIMUM: return is_complex ? MPI_OP_NULL : MPI_MIN;
    default: return is_complex ? MPI_OP_NULL : MPI_MAX;
    }
}

#define SCALE(type, load, store)                                                                                                           \
    do {                                                                                                                                   \
        type *x = data;                                                                                                                    \
        for (int64_t i = 0; i < elements; i++) x[i] = store(load(x[i]) * by);                                                              \
    } while (0)

void apus_mpi_scale(void *data, int64_t count, int32_t dtype, double factor) {
    int64_t elements = dtype >= DTYPE_COMPLEX64 ? 2 * count : count;
    if (dtype == DTYPE_FLOAT64 || dtype == DTYPE_COMPLEX128) {
        double by = factor;
        SCALE(double, SAME, SAME);
        return;
    }
    float by = (float)factor;
    if (dtype == DTYPE_FLOAT32 || dtype == DTYPE_COMPLEX64) SCALE(float, SAME, SAME);
    if (dtype == DTYPE_FLOAT16) SCALE(uint16_t, float_of_float16, float16_of_float);
    if (dtype == DTYPE_BFLOAT16) SCALE(uint16_t, float_of_bfloat16, bfloat16_of_float);
}
