/// The key of a given rank, found without sorting.
#include "keys.h"

/// Keys up to this many are counted against a middle again and again; longer rows are first cut down to those that share their leading bits.
enum { FEW = 2048, DIGIT = 11, BUCKETS = 1 << DIGIT };

#define SELECT(SFX, KEY, COUNT, BITS)                                                                                                          \
    APUS_INLINE int64_t count_below_##SFX(const KEY *keys, int64_t n, KEY limit) {                                                              \
        COUNT count = 0;                                                                                                                        \
        for (int64_t i = 0; i < n; i++) count += keys[i] < limit;                                                                               \
        return (int64_t)count;                                                                                                                  \
    }                                                                                                                                           \
    /* The key of rank k among n, by halving the range that they lie in until it holds one only; `below` gets how many are smaller. */          \
    APUS_CLONES static KEY bisect_##SFX(const KEY *keys, int64_t n, int64_t k, int64_t *below) {                                                \
        KEY low = keys[0], high = keys[0];                                                                                                      \
        for (int64_t i = 1; i < n; i++) {                                                                                                       \
            low = APUS_MIN(low, keys[i]);                                                                                                       \
            high = APUS_MAX(high, keys[i]);                                                                                                     \
        }                                                                                                                                       \
        int64_t smaller = 0, within = n;                                                                                                        \
        while (low < high && within > 1) {                                                                                                      \
            KEY middle = low + (high - low) / 2 + 1;                                                                                            \
            int64_t count = count_below_##SFX(keys, n, middle);                                                                                 \
            bool above = count > k;                                                                                                             \
            high = above ? middle - 1 : high;                                                                                                   \
            low = above ? low : middle;                                                                                                         \
            within = above ? count - smaller : within - (count - smaller);                                                                      \
            smaller = above ? smaller : count;                                                                                                  \
        }                                                                                                                                       \
        *below = smaller;                                                                                                                       \
        if (low == high) return low;                                                                                                            \
        KEY key = 0;                                                                                                                            \
        for (int64_t i = 0; i < n; i++) key |= keys[i] >= low && keys[i] <= high ? keys[i] : 0;                                                 \
        return key;                                                                                                                             \
    }                                                                                                                                           \
    static KEY select_##SFX(const KEY *keys, int64_t n, int64_t k, int64_t *below, KEY *scratch) {                                               \
        int shift = BITS;                                                                                                                       \
        KEY prefix = 0;                                                                                                                         \
        *below = 0;                                                                                                                             \
        while (n > FEW && shift > 0) {                                                                                                          \
            int64_t counts[BUCKETS] = {0}, kept = 0;                                                                                            \
            int width = APUS_MIN(DIGIT, shift), digit = 0;                                                                                      \
            shift -= width;                                                                                                                     \
            KEY mask = ((KEY)1 << width) - 1;                                                                                                   \
            for (int64_t i = 0; i < n; i++) counts[(keys[i] >> shift) & mask]++;                                                                 \
            for (; k >= counts[digit]; digit++) {                                                                                               \
                k -= counts[digit];                                                                                                             \
                *below += counts[digit];                                                                                                        \
            }                                                                                                                                   \
            prefix |= (KEY)digit << shift;                                                                                                      \
            if (counts[digit] == n) continue;                                                                                                   \
            /* Written in order and behind what is read, so that they may be cut down in place. */                                              \
            for (int64_t i = 0; i < n; i++) {                                                                                                   \
                KEY key = keys[i];                                                                                                              \
                scratch[kept] = key;                                                                                                            \
                kept += ((key >> shift) & mask) == (KEY)digit;                                                                                  \
            }                                                                                                                                   \
            keys = scratch;                                                                                                                     \
            n = kept;                                                                                                                           \
        }                                                                                                                                       \
        if (shift == 0) return prefix;                                                                                                          \
        int64_t smaller;                                                                                                                        \
        KEY key = bisect_##SFX(keys, n, k, &smaller);                                                                                           \
        *below += smaller;                                                                                                                      \
        return key;                                                                                                                             \
    }                                                                                                                                           \
    APUS_CLONES static int64_t find_##SFX(const KEY *keys, int64_t n, KEY key, int64_t times) {                                                  \
        enum { BLOCK = 256 };                                                                                                                   \
        int64_t i = 0;                                                                                                                          \
        for (; i + BLOCK <= n; i += BLOCK) {                                                                                                    \
            COUNT count = 0;                                                                                                                    \
            for (int64_t j = 0; j < BLOCK; j++) count += keys[i + j] == key;                                                                     \
            if ((int64_t)count > times) break;                                                                                                  \
            times -= (int64_t)count;                                                                                                            \
        }                                                                                                                                       \
        for (; i < n; i++)                                                                                                                      \
            if (keys[i] == key && times-- == 0) return i;                                                                                        \
        return -1;                                                                                                                              \
    }                                                                                                                                           \
    APUS_CLONES static int64_t count_equal_##SFX(const KEY *keys, int64_t n, KEY key) {                                                          \
        int64_t total = 0;                                                                                                                      \
        for (int64_t i = 0; i < n; i += FEW) {                                                                                                  \
            COUNT count = 0;                                                                                                                    \
            int64_t end = APUS_MIN(n, i + FEW);                                                                                                 \
            for (int64_t j = i; j < end; j++) count += keys[j] == key;                                                                           \
            total += (int64_t)count;                                                                                                            \
        }                                                                                                                                       \
        return total;                                                                                                                           \
    }                                                                                                                                           \
    /* Positions of the k smallest keys, in their order: all below the k-th, and as many of its equals as are wanted. */                        \
    static void smallest_##SFX(const KEY *keys, int64_t n, int64_t k, int64_t *positions, KEY *scratch) {                                        \
        int64_t below, found = 0;                                                                                                               \
        KEY key = select_##SFX(keys, n, k - 1, &below, scratch);                                                                                 \
        int64_t equals = k - below;                                                                                                             \
        for (int64_t i = 0; found < k; i++) {                                                                                                   \
            bool equal = keys[i] == key && equals > 0;                                                                                          \
            positions[found] = i;                                                                                                               \
            found += (keys[i] < key) | equal;                                                                                                   \
            equals -= equal;                                                                                                                    \
        }                                                                                                                                       \
    }
SELECT(32, uint32_t, uint32_t, 32)
SELECT(64, uint64_t, uint64_t, 64)

int64_t apus_select_position(const void *keys, bool wide, int64_t n, int64_t k, void *scratch) {
    int64_t below;
    if (wide) {
        uint64_t key = select_64(keys, n, k, &below, scratch);
        return find_64(keys, n, key, k - below);
    }
    uint32_t key = select_32(keys, n, k, &below, scratch);
    return find_32(keys, n, key, k - below);
}

int64_t apus_keys_missing(const void *keys, bool wide, int64_t n) { return wide ? count_equal_64(keys, n, UINT64_MAX) : count_equal_32(keys, n, UINT32_MAX); }

void apus_select_smallest(const void *keys, bool wide, int64_t n, int64_t k, int64_t *positions, void *scratch) {
    if (wide) smallest_64(keys, n, k, positions, scratch);
    else smallest_32(keys, n, k, positions, scratch);
}
