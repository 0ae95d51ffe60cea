#ifndef APUS_POINTWISE_H
#define APUS_POINTWISE_H
#include "apus_view.h"

/// Micro-operations. Names and meaning are PyTorch's. `x`, `y`, `z`, `i`, `j` are fields of `apus_params`.
typedef enum apus_op {
    // Unary.
    APUS_OP_COPY = 0,
    APUS_OP_NEG,
    /// On complex: the magnitude, in the real dtype of the same precision.
    APUS_OP_ABS,
    /// On complex: x / |x|.
    APUS_OP_SIGN,
    APUS_OP_SQUARE,
    APUS_OP_SQRT,
    APUS_OP_RSQRT,
    APUS_OP_RECIPROCAL,
    APUS_OP_EXP,
    APUS_OP_EXP2,
    APUS_OP_EXPM1,
    APUS_OP_LOG,
    APUS_OP_LOG2,
    APUS_OP_LOG10,
    APUS_OP_LOG1P,
    APUS_OP_SIN,
    APUS_OP_COS,
    APUS_OP_TAN,
    APUS_OP_ASIN,
    APUS_OP_ACOS,
    APUS_OP_ATAN,
    APUS_OP_SINH,
    APUS_OP_COSH,
    APUS_OP_TANH,
    APUS_OP_ASINH,
    APUS_OP_ACOSH,
    APUS_OP_ATANH,
    APUS_OP_SIGMOID,
    APUS_OP_LOG_SIGMOID,
    APUS_OP_ERF,
    APUS_OP_ERFC,
    APUS_OP_ERFINV,
    APUS_OP_LGAMMA,
    APUS_OP_DIGAMMA,
    APUS_OP_RELU,
    APUS_OP_GELU,
    APUS_OP_GELU_TANH,
    APUS_OP_SILU,
    APUS_OP_MISH,
    APUS_OP_HARDSWISH,
    APUS_OP_HARDSIGMOID,
    APUS_OP_FLOOR,
    APUS_OP_CEIL,
    /// Half to even.
    APUS_OP_ROUND,
    APUS_OP_TRUNC,
    APUS_OP_FRAC,
    APUS_OP_CONJUGATE,
    /// Complex to real, and zero or pi for real.
    APUS_OP_ANGLE,
    APUS_OP_BITWISE_NOT,
    /// To bool.
    APUS_OP_ISNAN,
    APUS_OP_ISINF,
    APUS_OP_ISFINITE,
    APUS_OP_ISPOSINF,
    APUS_OP_ISNEGINF,
    APUS_OP_SIGNBIT,
    APUS_OP_LOGICAL_NOT,
    // Unary with parameters.
    /// x: slope.
    APUS_OP_LEAKY_RELU,
    /// x: alpha, y: scale, z: input scale.
    APUS_OP_ELU,
    /// x: beta, y: threshold.
    APUS_OP_SOFTPLUS,
    /// Between x and y (i and j for integers); NaN stays.
    APUS_OP_CLAMP_SCALARS,
    /// value > x ? value : y.
    APUS_OP_THRESHOLD,
    /// |value| > x ? value : 0.
    APUS_OP_HARDSHRINK,
    /// Towards 0 by x.
    APUS_OP_SOFTSHRINK,
    /// NaN, +inf, -inf become x, y, z.
    APUS_OP_NAN_TO_NUM,
    /// To the power x (i for integers, x and x_imaginary for complex).
    APUS_OP_POW_SCALAR,
    /// To i decimal places.
    APUS_OP_ROUND_DECIMALS,
    /// Derivative number i (1 and up) of the digamma function.
    APUS_OP_POLYGAMMA,
    /// Modified Bessel functions of the first kind; the scaled ones are times exp(-|x|).
    APUS_OP_I0,
    APUS_OP_I0E,
    APUS_OP_I1,
    APUS_OP_I1E,
    /// Bessel functions of the first and second kind, and modified ones of the second; the scaled ones are times exp(x).
    APUS_OP_J0,
    APUS_OP_J1,
    APUS_OP_Y0,
    APUS_OP_Y1,
    APUS_OP_K0,
    APUS_OP_K0E,
    APUS_OP_K1,
    APUS_OP_K1E,
    APUS_OP_SPHERICAL_J0,
    APUS_OP_AIRY_AI,
    /// exp(x^2) erfc(x).
    APUS_OP_ERFCX,
    /// The normal distribution's quantiles, and the logarithm of its cumulative function.
    APUS_OP_NDTRI,
    APUS_OP_LOG_NDTR,

    // Binary.
    APUS_OP_ADD = 128,
    APUS_OP_SUB,
    /// a + alpha * b, alpha in x (i for integers, x and x_imaginary for complex).
    APUS_OP_ADD_SCALED,
    APUS_OP_MUL,
    /// True division; integers are UNSUPPORTED (the caller asks for a floating compute dtype).
    APUS_OP_DIV,
    APUS_OP_FLOOR_DIV,
    APUS_OP_TRUNC_DIV,
    /// Sign of the divisor, as in Python.
    APUS_OP_REMAINDER,
    APUS_OP_FMOD,
    APUS_OP_POW,
    APUS_OP_MINIMUM,
    APUS_OP_MAXIMUM,
    APUS_OP_FMIN,
    APUS_OP_FMAX,
    APUS_OP_ATAN2,
    APUS_OP_HYPOT,
    APUS_OP_COPYSIGN,
    APUS_OP_NEXTAFTER,
    APUS_OP_LOGADDEXP,
    APUS_OP_LOGADDEXP2,
    APUS_OP_XLOGY,
    APUS_OP_HEAVISIDE,
    APUS_OP_GCD,
    APUS_OP_LCM,
    APUS_OP_BITWISE_AND,
    APUS_OP_BITWISE_OR,
    APUS_OP_BITWISE_XOR,
    APUS_OP_SHIFT_LEFT,
    APUS_OP_SHIFT_RIGHT,
    /// To bool.
    APUS_OP_EQ,
    APUS_OP_NE,
    APUS_OP_LT,
    APUS_OP_LE,
    APUS_OP_GT,
    APUS_OP_GE,
    APUS_OP_LOGICAL_AND,
    APUS_OP_LOGICAL_OR,
    APUS_OP_LOGICAL_XOR,
    // Gradients: (grad, result) or (grad, input) as PyTorch's backward operators take them.
    APUS_OP_SIGMOID_BACKWARD,
    APUS_OP_TANH_BACKWARD,
    /// grad where input > x, else 0.
    APUS_OP_THRESHOLD_BACKWARD,
    APUS_OP_GELU_BACKWARD,
    APUS_OP_GELU_TANH_BACKWARD,
    APUS_OP_SILU_BACKWARD,
    APUS_OP_LEAKY_RELU_BACKWARD,
    /// From the input; parameters as ELU.
    APUS_OP_ELU_BACKWARD,
    APUS_OP_SOFTPLUS_BACKWARD,
    APUS_OP_CLAMP_BACKWARD,
    APUS_OP_HARDSWISH_BACKWARD,
    APUS_OP_HARDSIGMOID_BACKWARD,
    APUS_OP_MISH_BACKWARD,
    APUS_OP_LOG_SIGMOID_BACKWARD,
    /// The Hurwitz zeta function: the sum of (k + b)^-a over k = 0, 1, 2 ...
    APUS_OP_ZETA,
    /// The regularised incomplete gamma functions P(a, b) and Q = 1 - P.
    APUS_OP_IGAMMA,
    APUS_OP_IGAMMAC,
    /// The polynomial of family i and degree b at a.
    APUS_OP_POLYNOMIAL,

    // Ternary.
    /// The first operand is bool.
    APUS_OP_WHERE = 256,
    /// (value, low, high); NaN in any wins.
    APUS_OP_CLAMP,
    /// a + x * b * c
    APUS_OP_ADDCMUL,
    /// a + x * b / c
    APUS_OP_ADDCDIV,
    /// a + c * (b - a)
    APUS_OP_LERP,
    /// a * b + c, rounded once where the processor can.
    APUS_OP_FMA,
    APUS_OP_END,
} apus_op;

/// Families of orthogonal polynomials.
typedef enum apus_polynomial {
    APUS_CHEBYSHEV_T = 0,
    APUS_CHEBYSHEV_U,
    APUS_CHEBYSHEV_V,
    APUS_CHEBYSHEV_W,
    APUS_SHIFTED_CHEBYSHEV_T,
    APUS_SHIFTED_CHEBYSHEV_U,
    APUS_SHIFTED_CHEBYSHEV_V,
    APUS_SHIFTED_CHEBYSHEV_W,
    APUS_HERMITE_H,
    APUS_HERMITE_HE,
    APUS_LAGUERRE_L,
    APUS_LEGENDRE_P,
} apus_polynomial;

typedef struct apus_params {
    double x, y, z;
    double x_imaginary;
    int64_t i, j;
} apus_params;

/// Whether a micro-operation exists when computed in `compute` (halves compute in float32 and are rounded once).
bool apus_op_is_supported(int32_t op, int32_t compute);
/// Operands: 1, 2 or 3; 0 for an unknown operation.
int apus_op_arity(int32_t op);
/// The dtype of the result when computed in `compute`: bool for predicates, real for magnitudes of complex numbers, else `compute`.
int32_t apus_op_result_dtype(int32_t op, int32_t compute);
/// Whether values decide if the operation succeeds: integers that divide, or are exponents.
bool apus_op_may_fail(int32_t op, int32_t compute);

/// `compute` is the dtype that operands are converted to (PyTorch's promoted dtype); results are converted to `out`'s dtype. Views have the same sizes,
/// or rank 0 for a scalar; the caller broadcasts with strides of 0. `out` may be exactly one of the inputs, not overlap it otherwise. `params` may be null.
int apus_unary(int32_t op, int32_t compute, const apus_params *params, const apus_view *in, const apus_view *out);
int apus_binary(int32_t op, int32_t compute, const apus_params *params, const apus_view *a, const apus_view *b, const apus_view *out);
int apus_ternary(int32_t op, int32_t compute, const apus_params *params, const apus_view *a, const apus_view *b, const apus_view *c, const apus_view *out);

enum { APUS_MAX_REGISTERS = 64, APUS_MAX_OPERANDS = 32 };

/// One step of a fused program: register `out` = op(registers a, b, c), computed in `compute`. Operands of other dtypes are converted; a result in a
/// half dtype is rounded to it, so that a program gives the same bits as its steps run singly.
typedef struct apus_instruction {
    int32_t op;
    int32_t compute;
    int32_t out, a, b, c;
    apus_params params;
} apus_instruction;

/// Runs a register program over tiles in one pass over memory. Registers 0 ..< n_in hold the inputs; every other register must be written before it is
/// read and only once; `output_registers[i]` goes to `outputs[i]`. At most APUS_MAX_REGISTERS registers and APUS_MAX_OPERANDS inputs, and as many outputs.
int apus_fused(const apus_instruction *program, int32_t count, const apus_view *inputs, int32_t n_in, const int32_t *output_registers,
               const apus_view *outputs, int32_t n_out);

/// A register program that was compiled for views of certain sizes, strides and dtypes; only addresses change from run to run.
typedef struct apus_fusion apus_fusion;
/// As `apus_fused`, without running. Null where the program is refused or memory has run out.
apus_fusion *apus_fusion_make(const apus_instruction *program, int32_t count, const apus_view *inputs, int32_t n_in, const int32_t *output_registers,
                              const apus_view *outputs, int32_t n_out);
/// One for matrices, to be run by pieces as an `apus_epilogue` with the fusion as its context: all views have two dimensions and the same sizes, or rank 0. Null
/// also for operations that values can make fail.
apus_fusion *apus_fusion_make_epilogue(const apus_instruction *program, int32_t count, const apus_view *inputs, int32_t n_in, const int32_t *output_registers,
                                       const apus_view *outputs, int32_t n_out);
void apus_fusion_run_piece(void *fusion, int64_t row, int64_t rows, int64_t column, int64_t columns);
/// Operands are numbered from 0, the inputs first.
void apus_fusion_set_address(apus_fusion *fusion, int32_t operand, void *address);
int apus_fusion_run(const apus_fusion *fusion);
void apus_fusion_free(apus_fusion *fusion);
#endif
