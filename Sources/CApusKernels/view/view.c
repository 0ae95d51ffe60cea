#include "../support/internal.h"

int64_t apus_dtype_size(int32_t dtype) {
    static const int8_t sizes[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
    return apus_dtype_is_valid(dtype) ? sizes[dtype] : 0;
}

int64_t apus_view_count(const apus_view *view) {
    int64_t count = 1;
    bool overflow = false;
    for (int32_t d = 0; d < view->rank; d++) {
        if (view->sizes[d] == 0) return 0;
        overflow |= __builtin_mul_overflow(count, view->sizes[d], &count);
    }
    return overflow ? INT64_MAX : count;
}

bool apus_view_is_contiguous(const apus_view *view) {
    int64_t expected = 1;
    for (int32_t d = view->rank - 1; d >= 0; d--) {
        int64_t size = view->sizes[d];
        if (size == 0) return true;
        if (size == 1) continue;
        if (view->strides[d] != expected) {
            for (int32_t e = 0; e < d; e++)
                if (view->sizes[e] == 0) return true;
            return false;
        }
        expected *= size;
    }
    return true;
}

const char *apus_status_message(int status) {
    switch (status) {
    case APUS_OK: return "no error";
    case APUS_UNSUPPORTED: return "the operation does not exist for these element types";
    case APUS_DIVISION_BY_ZERO: return "an integer was divided by zero";
    case APUS_INDEX_OUT_OF_BOUNDS: return "an index is out of bounds";
    case APUS_INVALID_ARGUMENT: return "sizes or parameters do not fit together";
    case APUS_OUT_OF_MEMORY: return "memory has run out";
    case APUS_NEGATIVE_EXPONENT: return "integers to negative integer powers are not defined";
    case APUS_EMPTY_REDUCTION: return "the reduction has no value for an empty dimension";
    case APUS_RANK_TOO_HIGH: return "the views have too many dimensions";
    default: return "unknown status";
    }
}
