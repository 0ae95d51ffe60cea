#include "elements.h"

#define UPDATE(NAME, T, U, EXPRESSION)                                                                                                         \
    static void NAME(char *target, const char *source) {                                                                                        \
        T x, y;                                                                                                                                 \
        memcpy(&x, target, sizeof x);                                                                                                           \
        memcpy(&y, source, sizeof y);                                                                                                           \
        x = (T)(EXPRESSION);                                                                                                                    \
        memcpy(target, &x, sizeof x);                                                                                                           \
    }
#define UPDATES(SFX, T, U)                                                                                                                     \
    UPDATE(add_##SFX, T, U, (U)x + (U)y)                                                                                                        \
    UPDATE(multiply_##SFX, T, U, (U)x * (U)y)                                                                                                   \
    UPDATE(max_##SFX, T, U, y > x || y != y ? y : x)                                                                                            \
    UPDATE(min_##SFX, T, U, y < x || y != y ? y : x)
UPDATES(u8, uint8_t, uint32_t)
UPDATES(i8, int8_t, uint32_t)
UPDATES(i16, int16_t, uint32_t)
UPDATES(i32, int32_t, uint32_t)
UPDATES(i64, int64_t, uint64_t)
UPDATES(f16, _Float16, float)
UPDATES(f32, float, float)
UPDATES(f64, double, double)
UPDATE(add_bool, uint8_t, uint8_t, (x | y) != 0)
UPDATE(multiply_bool, uint8_t, uint8_t, (x != 0) & (y != 0))

#define UPDATE_BF16(NAME, EXPRESSION)                                                                                                          \
    static void NAME##_bf16(char *target, const char *source) {                                                                                 \
        uint16_t a, b;                                                                                                                          \
        memcpy(&a, target, 2);                                                                                                                  \
        memcpy(&b, source, 2);                                                                                                                  \
        float x = apus_bf16_to_f32(a), y = apus_bf16_to_f32(b);                                                                                 \
        a = apus_f32_to_bf16(EXPRESSION);                                                                                                       \
        memcpy(target, &a, 2);                                                                                                                  \
    }
UPDATE_BF16(add, x + y)
UPDATE_BF16(multiply, x * y)
UPDATE_BF16(max, y > x || y != y ? y : x)
UPDATE_BF16(min, y < x || y != y ? y : x)

#define UPDATE_COMPLEX(NAME, T, EXPRESSION)                                                                                                        \
    static void NAME(char *target, const char *source) {                                                                                        \
        T x, y;                                                                                                                                 \
        memcpy(&x, target, sizeof x);                                                                                                           \
        memcpy(&y, source, sizeof y);                                                                                                           \
        T z = EXPRESSION;                                                                                                                        \
        memcpy(target, &z, sizeof z);                                                                                                           \
    }
UPDATE_COMPLEX(add_c64, apus_c64, ((apus_c64){x.re + y.re, x.im + y.im}))
UPDATE_COMPLEX(multiply_c64, apus_c64, apus_times_c64(x, y))
UPDATE_COMPLEX(add_c128, apus_c128, ((apus_c128){x.re + y.re, x.im + y.im}))
UPDATE_COMPLEX(multiply_c128, apus_c128, apus_times_c128(x, y))

static void set1(char *target, const char *source) { memcpy(target, source, 1); }
static void set2(char *target, const char *source) { memcpy(target, source, 2); }
static void set4(char *target, const char *source) { memcpy(target, source, 4); }
static void set8(char *target, const char *source) { memcpy(target, source, 8); }
static void set16(char *target, const char *source) { memcpy(target, source, 16); }

apus_update apus_find_update(apus_scatter_op op, int32_t dtype) {
    static const apus_update add[] = {add_bool, add_u8, add_i8, add_i16, add_i32, add_i64, add_f16, add_bf16, add_f32, add_f64, add_c64, add_c128};
    static const apus_update multiply[] = {multiply_bool, multiply_u8, multiply_i8, multiply_i16, multiply_i32, multiply_i64, multiply_f16, multiply_bf16, multiply_f32, multiply_f64, multiply_c64, multiply_c128};
    static const apus_update max[] = {add_bool, max_u8, max_i8, max_i16, max_i32, max_i64, max_f16, max_bf16, max_f32, max_f64, NULL, NULL};
    static const apus_update min[] = {multiply_bool, min_u8, min_i8, min_i16, min_i32, min_i64, min_f16, min_bf16, min_f32, min_f64, NULL, NULL};
    if (!apus_dtype_is_valid(dtype)) return NULL;
    switch (op) {
    case APUS_SCATTER_ADD: return add[dtype];
    case APUS_SCATTER_MULTIPLY: return multiply[dtype];
    case APUS_SCATTER_MAX: return max[dtype];
    case APUS_SCATTER_MIN: return min[dtype];
    case APUS_SCATTER_SET:
        switch (apus_dtype_size(dtype)) {
        case 1: return set1;
        case 2: return set2;
        case 4: return set4;
        case 8: return set8;
        default: return set16;
        }
    default: return NULL;
    }
}

int apus_bad_index(int64_t value, int64_t *bad_index) {
    if (bad_index) *bad_index = value;
    return APUS_INDEX_OUT_OF_BOUNDS;
}

int apus_check_indices(const apus_view *index, int64_t lowest, int64_t size, int64_t *bad_index) {
    if (!apus_dtype_is_index(index->dtype)) return APUS_UNSUPPORTED;
    const apus_view *views[] = {index};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 1, false);
    if (status != APUS_OK) return status;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int32_t outer = plan.rank == 0 ? 0 : plan.rank - 1;
    int64_t n = plan.rank == 0 ? 1 : plan.sizes[outer], step = plan.rank == 0 ? 0 : plan.strides[outer][0];
    apus_plan_offsets(&plan, outer, 0, coordinates, offsets);
    for (int64_t line = 0; plan.count > 0 && line < plan.count / n; line++) {
        const char *first = plan.data[0] + offsets[0];
        for (int64_t e = 0; e < n; e++) {
            int64_t value = apus_index_at(first + e * step, index->dtype);
            if (value < lowest || value >= size) return apus_bad_index(value, bad_index);
        }
        apus_plan_next(&plan, outer, coordinates, offsets);
    }
    return APUS_OK;
}
