#include "keys.h"

bool apus_key_is_wide(int32_t dtype) { return dtype == APUS_INT64 || dtype == APUS_FLOAT64; }

APUS_INLINE uint32_t key_of_float(float x) {
    uint32_t b;
    x = x == 0 ? 0 : x;
    memcpy(&b, &x, 4);
    uint32_t key = b & 0x80000000u ? ~b : b | 0x80000000u;
    return x != x ? UINT32_MAX : key;
}
APUS_INLINE uint64_t key_of_double(double x) {
    uint64_t b;
    x = x == 0 ? 0 : x;
    memcpy(&b, &x, 8);
    uint64_t key = b >> 63 ? ~b : b | ((uint64_t)1 << 63);
    return x != x ? UINT64_MAX : key;
}

#define KEYS(T, OUT, EXPRESSION)                                                                                                               \
    for (int64_t i = 0; i < n; i++) {                                                                                                           \
        T x;                                                                                                                                    \
        memcpy(&x, data + i * stride, sizeof x);                                                                                                \
        ((OUT *)keys)[i] = (EXPRESSION);                                                                                                        \
    }                                                                                                                                           \
    break;

void apus_keys_make(void *keys, const char *data, int64_t stride, int64_t n, int32_t dtype) {
    switch (dtype) {
    case APUS_BOOL: KEYS(uint8_t, uint32_t, x != 0)
    case APUS_UINT8: KEYS(uint8_t, uint32_t, x)
    case APUS_INT8: KEYS(int8_t, uint32_t, (uint32_t)(x + 128))
    case APUS_INT16: KEYS(int16_t, uint32_t, (uint32_t)(x + 32768))
    case APUS_INT32: KEYS(int32_t, uint32_t, (uint32_t)x ^ 0x80000000u)
    case APUS_INT64: KEYS(int64_t, uint64_t, (uint64_t)x ^ ((uint64_t)1 << 63))
    case APUS_FLOAT16: KEYS(_Float16, uint32_t, key_of_float((float)x))
    case APUS_BFLOAT16: KEYS(uint16_t, uint32_t, key_of_float(apus_bf16_to_f32(x)))
    case APUS_FLOAT32: KEYS(float, uint32_t, key_of_float(x))
    default: KEYS(double, uint64_t, key_of_double(x))
    }
}

// Insertion sort for short rows; least-significant-digit radix sort for others, skipping digits that all share.
#define SORT(NAME, KEY, PAIR, INDEX)                                                                                                           \
    static void NAME##_insertion(PAIR *a, int64_t n) {                                                                                           \
        for (int64_t i = 1; i < n; i++) {                                                                                                       \
            PAIR x = a[i];                                                                                                                      \
            int64_t j = i;                                                                                                                      \
            for (; j > 0 && a[j - 1].key > x.key; j--) a[j] = a[j - 1];                                                                          \
            a[j] = x;                                                                                                                           \
        }                                                                                                                                       \
    }                                                                                                                                           \
    static void NAME##_merge(PAIR *a, PAIR *b, int64_t n) {                                                                                      \
        enum { RUN = 16 };                                                                                                                      \
        for (int64_t i = 0; i < n; i += RUN) NAME##_insertion(a + i, APUS_MIN(RUN, n - i));                                                      \
        PAIR *from = a, *to = b;                                                                                                                \
        for (int64_t width = RUN; width < n; width *= 2) {                                                                                       \
            for (int64_t i = 0; i < n; i += 2 * width) {                                                                                         \
                int64_t middle = APUS_MIN(i + width, n), end = APUS_MIN(i + 2 * width, n), l = i, r = middle, o = i;                              \
                while (l < middle && r < end) {                                                                                                 \
                    bool right = from[r].key < from[l].key;                                                                                     \
                    to[o++] = right ? from[r] : from[l];                                                                                        \
                    r += right;                                                                                                                 \
                    l += !right;                                                                                                                \
                }                                                                                                                               \
                while (l < middle) to[o++] = from[l++];                                                                                         \
                while (r < end) to[o++] = from[r++];                                                                                            \
            }                                                                                                                                   \
            PAIR *swap = from;                                                                                                                  \
            from = to;                                                                                                                          \
            to = swap;                                                                                                                          \
        }                                                                                                                                       \
        if (from != a) memcpy(a, from, (size_t)n * sizeof(PAIR));                                                                                \
    }                                                                                                                                           \
    static void NAME##_radix(PAIR *a, PAIR *b, int64_t n) {                                                                                      \
        enum { DIGITS = sizeof(KEY) };                                                                                                          \
        int64_t counts[DIGITS][256];                                                                                                            \
        memset(counts, 0, sizeof counts);                                                                                                       \
        for (int64_t i = 0; i < n; i++)                                                                                                         \
            for (int d = 0; d < DIGITS; d++) counts[d][(a[i].key >> (8 * d)) & 255]++;                                                           \
        PAIR *from = a, *to = b;                                                                                                                \
        for (int d = 0; d < DIGITS; d++) {                                                                                                      \
            int64_t *count = counts[d], sum = 0;                                                                                                \
            if (count[(from[0].key >> (8 * d)) & 255] == n) continue;                                                                            \
            for (int v = 0; v < 256; v++) {                                                                                                     \
                int64_t c = count[v];                                                                                                           \
                count[v] = sum;                                                                                                                 \
                sum += c;                                                                                                                       \
            }                                                                                                                                   \
            for (int64_t i = 0; i < n; i++) to[count[(from[i].key >> (8 * d)) & 255]++] = from[i];                                               \
            PAIR *swap = from;                                                                                                                  \
            from = to;                                                                                                                          \
            to = swap;                                                                                                                          \
        }                                                                                                                                       \
        if (from != a) memcpy(a, from, (size_t)n * sizeof(PAIR));                                                                                \
    }                                                                                                                                           \
    static void NAME(const KEY *keys, bool descending, int64_t n, int64_t *order, PAIR *a) {                                                     \
        KEY flip = descending ? (KEY) ~(KEY)0 : 0;                                                                                              \
        for (int64_t i = 0; i < n; i++) a[i] = (PAIR){keys[i] ^ flip, (INDEX)i};                                                                 \
        if (n < 256) NAME##_merge(a, a + n, n);                                                                                                 \
        else NAME##_radix(a, a + n, n);                                                                                                         \
        for (int64_t i = 0; i < n; i++) order[i] = a[i].index;                                                                                   \
    }
SORT(sort32, uint32_t, apus_keyed32, int32_t)
SORT(sort64, uint64_t, apus_keyed, int64_t)

/// Stable order of a short row of narrow keys: each is compared with each, side by side with its position, and goes where its rank says.
APUS_CLONES static void order_by_rank(const uint32_t *keys, bool descending, int64_t n, int64_t *order) {
    enum { BLOCK = 16 };
    int64_t placed[APUS_SHORT_ROW], rank[APUS_SHORT_ROW];
    uint32_t flip = descending ? 0x7FFFFFFFu : 0x80000000u;
    int64_t padded = (n + BLOCK - 1) / BLOCK * BLOCK;
    for (int64_t i = 0; i < n; i++) placed[i] = (int64_t)((uint64_t)(keys[i] ^ flip) << 32 | (uint64_t)i);
    for (int64_t i = n; i < padded; i++) placed[i] = INT64_MAX;
    for (int64_t b = 0; b < padded; b += BLOCK) {
        int64_t smaller[BLOCK] = {0};
        for (int64_t i = 0; i < n; i++)
            for (int j = 0; j < BLOCK; j++) smaller[j] += placed[i] < placed[b + j];
        memcpy(rank + b, smaller, sizeof smaller);
    }
    for (int64_t i = 0; i < n; i++) order[rank[i]] = i;
}

APUS_CLONES void apus_order_few(const uint32_t *keys, bool descending, int64_t n, int64_t k, int64_t *order, int64_t *scratch) {
    enum { LANES = 16 };
    int64_t padded = (n + LANES - 1) / LANES * LANES;
    uint32_t flip = descending ? 0x7FFFFFFFu : 0x80000000u;
    for (int64_t i = 0; i < n; i++) scratch[i] = (int64_t)((uint64_t)(keys[i] ^ flip) << 32 | (uint64_t)i);
    for (int64_t i = n; i < padded; i++) scratch[i] = INT64_MAX;
    for (int64_t r = 0; r < k; r++) {
        int64_t lane[LANES], least;
        memcpy(lane, scratch, sizeof lane);
        for (int64_t i = LANES; i < padded; i += LANES)
            for (int j = 0; j < LANES; j++) lane[j] = APUS_MIN(scratch[i + j], lane[j]);
        for (int width = LANES / 2; width > 0; width /= 2)
            for (int j = 0; j < width; j++) lane[j] = APUS_MIN(lane[j + width], lane[j]);
        least = lane[0];
        order[r] = least & UINT32_MAX;
        scratch[order[r]] = INT64_MAX;
    }
}

void apus_sort_order(const void *keys, bool wide, bool descending, int64_t n, int64_t *order, void *scratch) {
    if (wide) {
        sort64(keys, descending, n, order, scratch);
    } else if (n <= APUS_SHORT_ROW) {
        order_by_rank(keys, descending, n, order);
    } else if (n <= INT32_MAX) {
        sort32(keys, descending, n, order, scratch);
    }
}
