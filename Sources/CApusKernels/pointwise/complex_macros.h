/// Like the real loops, without casting results: a pair cannot be cast.
#define COMPLEX_LOOP(RESULT, NAME, SETUP, OPERANDS, EXPRESSION)                                                                                \
    LOOP_HEAD(NAME)                                                                                                                             \
    RESULT *o = out;                                                                                                                            \
    const T *a = pa, *b = pb, *c = pc;                                                                                                          \
    (void)b, (void)c;                                                                                                                           \
    SETUP;                                                                                                                                      \
    APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                                 \
        OPERANDS;                                                                                                                               \
        o[i] = EXPRESSION;                                                                                                                      \
    }                                                                                                                                           \
    return APUS_OK;                                                                                                                             \
    }
#define UNARY_TO(RESULT, NAME, SETUP, EXPRESSION) COMPLEX_LOOP(RESULT, NAME, SETUP, T x = a[i], EXPRESSION)
#define BINARY_TO(RESULT, NAME, SETUP, EXPRESSION) COMPLEX_LOOP(RESULT, NAME, SETUP, T x = a[i]; T y = b[i], EXPRESSION)
#define TERNARY_TO(RESULT, NAME, SETUP, EXPRESSION) COMPLEX_LOOP(RESULT, NAME, SETUP, T x = a[i]; T y = b[i]; T z = c[i], EXPRESSION)
#define UNARY(NAME, EXPRESSION) UNARY_TO(T, NAME, NO_SETUP, EXPRESSION)
#define BINARY(NAME, EXPRESSION) BINARY_TO(T, NAME, NO_SETUP, EXPRESSION)
#define TERNARY(NAME, EXPRESSION) TERNARY_TO(T, NAME, NO_SETUP, EXPRESSION)
