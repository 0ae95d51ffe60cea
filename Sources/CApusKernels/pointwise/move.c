/// Gathering and scattering strided elements, by element size.
#include "loops.h"

typedef struct { uint64_t a, b; } pair16;

#define REPEAT(TYPE)                                                                                                                           \
    {                                                                                                                                           \
        TYPE value;                                                                                                                             \
        memcpy(&value, element, sizeof value);                                                                                                  \
        TYPE *o = out;                                                                                                                          \
        for (int64_t i = 0; i < n; i++) o[i] = value;                                                                                           \
        return;                                                                                                                                 \
    }

APUS_CLONES static void repeat(void *out, const void *element, int64_t n, int64_t item) {
    switch (item) {
    case 1: memset(out, *(const unsigned char *)element, (size_t)n); return;
    case 2: REPEAT(uint16_t)
    case 4: REPEAT(uint32_t)
    case 8: REPEAT(uint64_t)
    default: REPEAT(pair16)
    }
}

void apus_repeat(void *out, const void *element, int64_t n, int64_t item) { repeat(out, element, n, item); }

#define MOVE(TYPE)                                                                                                                             \
    {                                                                                                                                           \
        if (out_stride == sizeof(TYPE)) {                                                                                                       \
            TYPE *o = out;                                                                                                                      \
            for (int64_t i = 0; i < n; i++) o[i] = *(const TYPE *)((const char *)in + i * in_stride);                                            \
        } else if (in_stride == sizeof(TYPE)) {                                                                                                 \
            const TYPE *a = in;                                                                                                                 \
            for (int64_t i = 0; i < n; i++) *(TYPE *)((char *)out + i * out_stride) = a[i];                                                      \
        } else {                                                                                                                                \
            for (int64_t i = 0; i < n; i++) *(TYPE *)((char *)out + i * out_stride) = *(const TYPE *)((const char *)in + i * in_stride);          \
        }                                                                                                                                       \
        return;                                                                                                                                 \
    }

void apus_move(void *out, int64_t out_stride, const void *in, int64_t in_stride, int64_t n, int64_t item) {
    if (out_stride == item && in_stride == item) {
        memmove(out, in, (size_t)(n * item));
        return;
    }
    if (out_stride == item && in_stride == 0) {
        apus_repeat(out, in, n, item);
        return;
    }
    switch (item) {
    case 1: MOVE(uint8_t)
    case 2: MOVE(uint16_t)
    case 4: MOVE(uint32_t)
    case 8: MOVE(uint64_t)
    default: MOVE(pair16)
    }
}
