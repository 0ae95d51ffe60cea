/// Weights in the form that products read: panels of sixteen columns, in float32 or narrower.
#include "panels.h"

enum { HEADER = 64 };

int64_t apus_line_bytes(int32_t format) { return APUS_PANEL * (format == APUS_WEIGHT_FLOAT32 ? 4 : format == APUS_WEIGHT_BFLOAT16 ? 2 : 1); }

/// Sets what follows from the others: groups of one length, of whole lines.
static bool describe(apus_packed *p, int32_t format, int64_t group, int64_t n, int64_t k) {
    if (format < APUS_WEIGHT_FLOAT32 || format > APUS_WEIGHT_INT8 || group < 0 || n < 0 || k < 0 || n > INT64_MAX - APUS_PANEL) return false;
    *p = (apus_packed){n, k, group == 0 || group > k ? APUS_MAX(k, 1) : group, format};
    return true;
}
static int64_t padded(const apus_packed *p) { return (p->n + APUS_PANEL - 1) / APUS_PANEL * APUS_PANEL; }
static int64_t groups(const apus_packed *p) { return p->format != APUS_WEIGHT_INT8 ? 0 : p->k == 0 ? 1 : (p->k - 1) / p->group + 1; }

apus_panels apus_panels_of(const apus_packed *p) {
    const char *data = (const char *)p + HEADER;
    return (apus_panels){.n = p->n, .k = p->k, .format = p->format, .panels = data + groups(p) * padded(p) * 4, .lines = p->k, .scales = (const float *)data, .group = p->group, .scale_step = padded(p)};
}

int64_t apus_packed_size_as(int32_t format, int64_t group, int64_t n, int64_t k) {
    apus_packed p;
    int64_t scales, lines, bytes;
    if (!describe(&p, format, group, n, k) || __builtin_mul_overflow(groups(&p), padded(&p), &scales) || __builtin_mul_overflow(scales, 4, &scales)) return -1;
    if (__builtin_mul_overflow(padded(&p) / APUS_PANEL, k, &lines) || __builtin_mul_overflow(lines, apus_line_bytes(format), &bytes)) return -1;
    return __builtin_add_overflow(bytes, scales, &bytes) || __builtin_add_overflow(bytes, HEADER, &bytes) ? -1 : bytes;
}

typedef float line8 __attribute__((vector_size(32), aligned(4)));

/// Eight columns of eight lines, from columns without gaps.
APUS_INLINE void transpose8(const float *from, int64_t step, float *to) {
    line8 r[8], s[8];
    for (int i = 0; i < 8; i++) memcpy(&r[i], from + i * step, 32);
    for (int i = 0; i < 4; i++) {
        s[2 * i] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        s[2 * i + 1] = __builtin_shufflevector(r[2 * i], r[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 2; i++) {
        r[4 * i] = __builtin_shufflevector(s[4 * i], s[4 * i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        r[4 * i + 1] = __builtin_shufflevector(s[4 * i], s[4 * i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        r[4 * i + 2] = __builtin_shufflevector(s[4 * i + 1], s[4 * i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        r[4 * i + 3] = __builtin_shufflevector(s[4 * i + 1], s[4 * i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int i = 0; i < 4; i++) {
        s[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        s[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int i = 0; i < 8; i++) memcpy(to + i * APUS_PANEL, &s[i], 32);
}

APUS_CLONES static void pack_transposed(const float *from, int64_t step, int64_t depth, float *to) {
    for (int64_t k = 0; k < depth; k += 8)
        for (int64_t half = 0; half < 2; half++) transpose8(from + half * 8 * step + k, step, to + k * APUS_PANEL + half * 8);
}

void apus_pack_panel(const float *from, int64_t column_step, int64_t line_step, int64_t columns, int64_t depth, float *to) {
    int64_t done = 0;
    if (columns == APUS_PANEL && line_step == 1) {
        done = depth / 8 * 8;
        pack_transposed(from, column_step, done, to);
    } else if (columns == APUS_PANEL && column_step == 1) {
        for (; done < depth; done++) memcpy(to + done * APUS_PANEL, from + done * line_step, APUS_PANEL * 4);
    }
    for (int64_t k = done; k < depth; k++)
        for (int64_t j = 0; j < APUS_PANEL; j++) to[k * APUS_PANEL + j] = j < columns ? from[j * column_step + k * line_step] : 0;
}

/// The same for numbers of one or two bytes, which keep their bits.
#define NARROW_PANEL(TYPE, NAME)                                                                                                                                      \
    static void NAME(const TYPE *from, int64_t column_step, int64_t line_step, int64_t columns, int64_t depth, TYPE *to) {                                             \
        for (int64_t k = 0; k < depth; k++)                                                                                                                           \
            for (int64_t j = 0; j < APUS_PANEL; j++) to[k * APUS_PANEL + j] = j < columns ? from[j * column_step + k * line_step] : 0;                                 \
    }
NARROW_PANEL(uint16_t, pack_panel_of_2)
NARROW_PANEL(uint8_t, pack_panel_of_1)

static const int32_t DTYPES[] = {[APUS_WEIGHT_FLOAT32] = APUS_FLOAT32, [APUS_WEIGHT_BFLOAT16] = APUS_BFLOAT16, [APUS_WEIGHT_INT8] = APUS_INT8};

int apus_pack_as(int32_t format, int64_t group, const apus_view *weight, const apus_view *scales, void *packed) {
    if (weight->rank != 2) return APUS_INVALID_ARGUMENT;
    int64_t n = weight->sizes[0], k = weight->sizes[1], column_step = weight->strides[0], line_step = weight->strides[1];
    apus_packed *p = packed;
    if (!describe(p, format, group, n, k) || (format == APUS_WEIGHT_INT8) != (scales != NULL)) return APUS_INVALID_ARGUMENT;
    if (weight->dtype != DTYPES[format] || (scales && scales->dtype != APUS_FLOAT32)) return APUS_UNSUPPORTED;
    if (scales && (scales->rank != 2 || scales->sizes[0] != n || scales->sizes[1] != groups(p))) return APUS_INVALID_ARGUMENT;
    apus_panels at = apus_panels_of(p);
    float *factors = (float *)(uintptr_t)at.scales;
    for (int64_t g = 0; g < groups(p); g++)
        for (int64_t j = 0; j < padded(p); j++) factors[g * padded(p) + j] = j < n ? ((const float *)scales->data)[j * scales->strides[0] + g * scales->strides[1]] : 0;
    for (int64_t first = 0; first < n; first += APUS_PANEL) {
        void *to = (char *)(uintptr_t)at.panels + first / APUS_PANEL * k * apus_line_bytes(format);
        int64_t from = first * column_step, columns = APUS_MIN(APUS_PANEL, n - first);
        if (format == APUS_WEIGHT_FLOAT32) apus_pack_panel((const float *)weight->data + from, column_step, line_step, columns, k, to);
        else if (format == APUS_WEIGHT_BFLOAT16) pack_panel_of_2((const uint16_t *)weight->data + from, column_step, line_step, columns, k, to);
        else pack_panel_of_1((const uint8_t *)weight->data + from, column_step, line_step, columns, k, to);
    }
    return APUS_OK;
}

int64_t apus_packed_size(int64_t n, int64_t k) { return apus_packed_size_as(APUS_WEIGHT_FLOAT32, 0, n, k); }
int apus_pack(const apus_view *weight, void *packed) { return apus_pack_as(APUS_WEIGHT_FLOAT32, 0, weight, NULL, packed); }

APUS_CLONES static void widen_bfloat16(int64_t count, const uint16_t *from, float *to) {
    APUS_SIMD for (int64_t i = 0; i < count; i++) to[i] = apus_bf16_to_f32(from[i]);
}
APUS_CLONES static void widen_int8(int64_t count, const int8_t *from, float *to) {
    APUS_SIMD for (int64_t i = 0; i < count; i++) to[i] = (float)from[i];
}
void apus_widen(int32_t format, int64_t count, const void *from, float *to) {
    if (format == APUS_WEIGHT_BFLOAT16) widen_bfloat16(count, from, to);
    else widen_int8(count, from, to);
}
