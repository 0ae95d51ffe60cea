/// Elements by condition: nonzero, masked_select, masked_scatter. The positions are cut into chunks of a fixed length; a first walk counts what
/// each chunk chooses, so that each knows where its results go.
#include "elements.h"
#include <stdatomic.h>

enum { CHUNK = 1 << 16, WORD = 64 };

typedef uint8_t byte64 __attribute__((vector_size(WORD), aligned(1)));
typedef bool bool64 __attribute__((ext_vector_type(WORD)));

/// Which of n <= 64 bytes are not 0.
APUS_INLINE uint64_t bits_of(const uint8_t *bytes, int64_t stride, int64_t n) {
    uint64_t bits = 0;
    if (stride == 1 && n == WORD) {
        byte64 v;
        memcpy(&v, bytes, WORD);
        bool64 chosen = __builtin_convertvector(v != 0, bool64);
        memcpy(&bits, &chosen, 8);
        return bits;
    }
    for (int64_t i = 0; i < n; i++) bits |= (uint64_t)(bytes[i * stride] != 0) << i;
    return bits;
}

typedef struct job {
    const apus_plan *plan;
    int32_t mask; // the operand that chooses: one byte an element, or any dtype where `load` makes it bytes
    apus_loop load;
    int64_t *counts; // of each chunk; then where its results begin, and where the last ones end
    /// What is done with `n` <= 64 positions from `column` of the inner dimension on, of which `bits` are chosen. `done` is how many were before, `limit`
    /// where the results of the next chunk begin.
    void (*write)(const struct job *j, const int64_t *coordinates, const int64_t *offsets, int64_t column, int64_t n, uint64_t bits, int64_t done,
                  int64_t limit);
    const apus_view *out;
    int64_t item, step, total;
    const apus_plan *source;
} job;

/// Walks one chunk; counts only where `writes` is false. Returns how many positions were chosen, `done` included.
APUS_INLINE int64_t walk(const job *j, int64_t chunk, bool writes, int64_t done, int64_t limit) {
    const apus_plan *p = j->plan;
    int32_t outer = APUS_MAX(p->rank - 1, 0);
    int64_t inner = p->rank == 0 ? 1 : p->sizes[outer], stride = p->rank == 0 ? 0 : p->strides[outer][j->mask], item = p->item[j->mask];
    int64_t begin = chunk * CHUNK, end = APUS_MIN(begin + CHUNK, p->count), column = begin % inner;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    _Alignas(64) uint8_t raw[WORD * 16], bytes[WORD];
    apus_plan_offsets(p, outer, begin / inner, coordinates, offsets);
    for (int64_t at = begin; at < end;) {
        int64_t n = APUS_MIN(APUS_MIN(WORD, end - at), inner - column);
        const char *from = p->data[j->mask] + offsets[j->mask] + column * stride;
        uint64_t bits;
        if (j->load) {
            if (stride != item) apus_move(raw, item, from, stride, n, item);
            j->load(bytes, stride != item ? (const char *)raw : from, NULL, NULL, n, NULL);
            bits = bits_of(bytes, 1, n);
        } else {
            bits = bits_of((const uint8_t *)from, stride, n);
        }
        // A mask that another thread has changed since it was counted must not lead beyond what there is room for.
        if (writes && __builtin_popcountll(bits) > limit - done) return done;
        if (writes && bits) j->write(j, coordinates, offsets, column, n, bits, done, limit);
        done += __builtin_popcountll(bits);
        at += n;
        column += n;
        if (column == inner) {
            column = 0;
            apus_plan_next(p, outer, coordinates, offsets);
        }
    }
    return done;
}
APUS_CLONES static void count_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t c = begin; c < end; c++) j->counts[c] = walk(j, c, false, 0, 0);
}
APUS_CLONES static void write_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t c = begin; c < end; c++) walk(j, c, true, j->counts[c], j->counts[c + 1]);
}

/// Counts, and writes if the count is `total`, or at most that if `at_most`.
static int run(job *j, bool at_most) {
    int64_t chunks = j->plan->count == 0 ? 0 : (j->plan->count - 1) / CHUNK + 1, few[9], chosen = 0;
    j->counts = chunks <= 8 ? few : apus_allocate((chunks + 1) * 8);
    if (!j->counts) return APUS_OUT_OF_MEMORY;
    apus_parallel_for(chunks, 1, count_range, j);
    for (int64_t c = 0; c < chunks; c++) {
        int64_t count = j->counts[c];
        j->counts[c] = chosen;
        chosen += count;
    }
    j->counts[chunks] = chosen;
    int status = chosen == j->total || (at_most && chosen < j->total) ? APUS_OK : APUS_INVALID_ARGUMENT;
    if (status == APUS_OK) apus_parallel_for(chunks, 1, write_range, j);
    if (j->counts != few) apus_free(j->counts);
    return status;
}

/// Calls the statement with `i` for each bit that is set.
#define EACH_BIT(bits, STATEMENT)                                                                                                              \
    for (uint64_t rest = bits; rest; rest &= rest - 1) {                                                                                         \
        int64_t i = __builtin_ctzll(rest);                                                                                                      \
        STATEMENT;                                                                                                                              \
    }

int apus_nonzero_count(const apus_view *in, int64_t *count) {
    int64_t sizes[64], ones[64], zeros[64];
    uint64_t times = 1; // may be anything where there are no elements
    if (in->rank > 64) return APUS_RANK_TOO_HIGH;
    for (int32_t d = 0; d < in->rank; d++) {
        // What is repeated is counted once: repeated without end it is to fail where there is no memory for the results, not to run on.
        bool repeats = in->strides[d] == 0 && in->sizes[d] > 1;
        sizes[d] = repeats ? 1 : in->sizes[d];
        if (repeats) times *= (uint64_t)in->sizes[d];
        ones[d] = 1;
        zeros[d] = 0;
    }
    apus_view once = *in, out = {count, ones, zeros, in->rank, APUS_INT64};
    once.sizes = sizes;
    *count = 0;
    int status = apus_reduce(APUS_REDUCE_COUNT_NONZERO, 0, &once, &out);
    *count = (int64_t)((uint64_t)*count * times);
    return status;
}

static void write_coordinates(const job *j, const int64_t *coordinates, const int64_t *offsets, int64_t column, int64_t n, uint64_t bits, int64_t done,
                              int64_t limit) {
    (void)offsets, (void)n, (void)limit;
    int64_t row_step = j->out->strides[0], step = j->out->strides[1], last = j->plan->rank - 1, *to = (int64_t *)j->out->data + done * row_step;
    EACH_BIT(bits, {
        for (int64_t d = 0; d < last; d++) to[d * step] = coordinates[d];
        to[last * step] = column + i;
        to += row_step;
    })
}

int apus_nonzero(const apus_view *in, const apus_view *out) {
    if (out->dtype != APUS_INT64) return APUS_UNSUPPORTED;
    if (out->rank != 2 || out->sizes[1] != in->rank || in->rank > APUS_MAX_RANK) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_valid(in->dtype)) return APUS_UNSUPPORTED;
    // Coordinates are those of the view: no dimension may be merged or left out.
    apus_plan plan = {.rank = in->rank, .operands = 1, .count = apus_view_count(in), .data = {in->data}, .dtypes = {in->dtype}, .item = {apus_dtype_size(in->dtype)}};
    for (int32_t d = 0; d < in->rank; d++) {
        plan.sizes[d] = in->sizes[d];
        plan.strides[d][0] = in->strides[d] * plan.item[0];
    }
    if (in->rank == 0) return out->sizes[0] <= 1 ? APUS_OK : APUS_INVALID_ARGUMENT;
    job j = {.plan = &plan, .load = apus_cast_loop(in->dtype, APUS_BOOL), .write = write_coordinates, .out = out, .total = out->sizes[0]};
    if (plan.item[0] == 1) j.load = NULL;
    return run(&j, false);
}

#define PACK(TYPE)                                                                                                                             \
    {                                                                                                                                           \
        TYPE *o = (TYPE *)to;                                                                                                                   \
        const TYPE *a = (const TYPE *)from;                                                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                                                                       \
            *o = a[i];                                                                                                                          \
            o += bits >> i & 1;                                                                                                                 \
        }                                                                                                                                       \
        return;                                                                                                                                 \
    }

static void write_chosen(const job *j, const int64_t *coordinates, const int64_t *offsets, int64_t column, int64_t n, uint64_t bits, int64_t done,
                              int64_t limit) {
    (void)coordinates;
    const apus_plan *p = j->plan;
    int64_t stride = p->rank == 0 ? 0 : p->strides[p->rank - 1][0], item = j->item;
    const char *from = p->data[0] + offsets[0] + column * stride;
    char *to = (char *)j->out->data + done * j->step;
    int count = __builtin_popcountll(bits);
    if (stride == item && j->step == item) {
        if (count == n) {
            memcpy(to, from, (size_t)(n * item));
            return;
        }
        // Every element is written, and overwritten if it is not chosen. That touches the place behind the last, which must be this chunk's.
        if (count >= 8 && done + count < limit) {
            switch (item) {
            case 1: PACK(uint8_t)
            case 2: PACK(uint16_t)
            case 4: PACK(uint32_t)
            case 8: PACK(uint64_t)
            default: break;
            }
        }
    }
    EACH_BIT(bits, {
        apus_copy_element(to, from + i * stride, item);
        to += j->step;
    })
}

int apus_masked_select(const apus_view *in, const apus_view *mask, const apus_view *out) {
    if (mask->dtype != APUS_BOOL || in->dtype != out->dtype) return APUS_UNSUPPORTED;
    if (out->rank != 1) return APUS_INVALID_ARGUMENT;
    const apus_view *views[] = {in, mask};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status != APUS_OK) return status;
    int64_t item = apus_dtype_size(in->dtype);
    job j = {.plan = &plan, .mask = 1, .write = write_chosen, .out = out, .item = item, .step = out->strides[0] * item, .total = out->sizes[0]};
    return run(&j, false);
}

/// Elements of the source, in its row-major order, to where they are chosen to go.
static void write_source(const job *j, const int64_t *coordinates, const int64_t *offsets, int64_t column, int64_t n, uint64_t bits, int64_t done,
                              int64_t limit) {
    (void)coordinates, (void)n, (void)limit;
    const apus_plan *p = j->plan, *source = j->source;
    int64_t stride = p->rank == 0 ? 0 : p->strides[p->rank - 1][1], item = j->item;
    char *to = p->data[1] + offsets[1] + column * stride;
    if (source->rank == 0 || (source->rank == 1 && source->strides[0][0] == item)) {
        const char *from = source->data[0] + done * item;
        if (stride == item && __builtin_popcountll(bits) == n) {
            memcpy(to, from, (size_t)(n * item));
            return;
        }
        EACH_BIT(bits, {
            apus_copy_element(to + i * stride, from, item);
            from += item;
        })
        return;
    }
    int64_t at[APUS_MAX_RANK], from[APUS_PLAN_OPERANDS];
    apus_plan_offsets(source, source->rank, done, at, from);
    EACH_BIT(bits, {
        apus_copy_element(to + i * stride, source->data[0] + from[0], item);
        apus_plan_next(source, source->rank, at, from);
    })
}

int apus_masked_scatter(const apus_view *mask, const apus_view *source, const apus_view *out) {
    if (mask->dtype != APUS_BOOL || source->dtype != out->dtype) return APUS_UNSUPPORTED;
    const apus_view *views[] = {mask, out}, *one[] = {source};
    apus_plan plan, from;
    int status = apus_plan_make(&plan, views, 2, false);
    if (status == APUS_OK) status = apus_plan_make(&from, one, 1, false);
    if (status != APUS_OK) return status;
    job j = {.plan = &plan, .write = write_source, .item = apus_dtype_size(out->dtype), .total = from.count, .source = &from};
    return run(&j, true);
}
