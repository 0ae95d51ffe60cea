/// Whole slices by index: index_select, index_add, embedding.
#include "elements.h"
#include <stdatomic.h>

/// The part of `v` that one index names, as a view without `dim`.
static apus_view slice_of(const apus_view *v, int32_t dim, int64_t position, int64_t *sizes, int64_t *strides) {
    int32_t rank = 0;
    for (int32_t d = 0; d < v->rank; d++) {
        if (d == dim) continue;
        sizes[rank] = v->sizes[d];
        strides[rank++] = v->strides[d];
    }
    char *data = v->data;
    if (v->rank > 0) data += position * v->strides[dim] * apus_dtype_size(v->dtype);
    return (apus_view){data, sizes, strides, rank, v->dtype};
}

static int check(int32_t dim, const apus_view *data, const apus_view *index, const apus_view *other) {
    if (!apus_dtype_is_index(index->dtype) || !apus_dtype_is_valid(data->dtype) || data->dtype != other->dtype) return APUS_UNSUPPORTED;
    if (data->rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
    if (index->rank > 1 || other->rank != data->rank) return APUS_INVALID_ARGUMENT;
    int64_t count = apus_view_count(index);
    if (data->rank == 0) return dim == 0 && count == 1 ? APUS_OK : APUS_INVALID_ARGUMENT;
    if (dim < 0 || dim >= data->rank || other->sizes[dim] != count) return APUS_INVALID_ARGUMENT;
    for (int32_t d = 0; d < data->rank; d++)
        if (d != dim && other->sizes[d] != data->sizes[d]) return APUS_INVALID_ARGUMENT;
    return APUS_OK;
}

typedef struct {
    const apus_view *in, *index, *out;
    int32_t dim;
    int64_t index_step;
    // Where slices are runs of bytes: how many runs, how long, and how far apart.
    int64_t runs, bytes, in_outer, out_outer, in_step, out_step;
} select_job;

static void select_slices(void *context, int64_t begin, int64_t end) {
    const select_job *j = context;
    int64_t sizes[APUS_MAX_RANK], strides[APUS_MAX_RANK], sizes2[APUS_MAX_RANK], strides2[APUS_MAX_RANK];
    for (int64_t i = begin; i < end; i++) {
        int64_t value = apus_index_at((const char *)j->index->data + i * j->index_step, j->index->dtype);
        apus_view from = slice_of(j->in, j->dim, value, sizes, strides), to = slice_of(j->out, j->dim, i, sizes2, strides2);
        apus_copy(&from, &to);
    }
}

/// Moves `n` runs of bytes between places side by side and those that an index names; runs of one element are plain moves.
#define MOVE(BYTES, TO, FROM)                                                                                                                  \
    for (int64_t i = 0; i < n; i++) {                                                                                                           \
        int64_t value = apus_index_at(index + i * index_step, dtype);                                                                           \
        memcpy(to + (TO) * to_step, from + (FROM) * from_step, (size_t)(BYTES));                                                                \
    }                                                                                                                                           \
    break;
#define MOVES(NAME, TO, FROM)                                                                                                                  \
    static void NAME(const char *index, int64_t index_step, int32_t dtype, char *to, int64_t to_step, const char *from, int64_t from_step,      \
                     int64_t bytes, int64_t n) {                                                                                                \
        switch (bytes) {                                                                                                                        \
        case 1: MOVE(1, TO, FROM)                                                                                                               \
        case 2: MOVE(2, TO, FROM)                                                                                                               \
        case 4: MOVE(4, TO, FROM)                                                                                                               \
        case 8: MOVE(8, TO, FROM)                                                                                                               \
        case 16: MOVE(16, TO, FROM)                                                                                                             \
        default: MOVE(bytes, TO, FROM)                                                                                                          \
        }                                                                                                                                       \
    }
MOVES(read_runs, i, value)
MOVES(write_runs, value, i)

static void select_runs(void *context, int64_t begin, int64_t end) {
    const select_job *j = context;
    int64_t count = apus_view_count(j->index);
    for (int64_t r = begin; r < end;) {
        int64_t i = r % count, outer = r / count, n = APUS_MIN(count - i, end - r);
        read_runs((const char *)j->index->data + i * j->index_step, j->index_step, j->index->dtype,
                  (char *)j->out->data + outer * j->out_outer + i * j->out_step, j->out_step, (const char *)j->in->data + outer * j->in_outer, j->in_step,
                  j->bytes, n);
        r += n;
    }
}

int apus_index_select(int32_t dim, const apus_view *in, const apus_view *index, const apus_view *out, int64_t *bad_index) {
    int status = check(dim, in, index, out);
    if (status != APUS_OK) return status;
    int64_t count = apus_view_count(index), total = apus_view_count(out), item = apus_dtype_size(in->dtype);
    status = apus_check_indices(index, 0, in->rank == 0 ? 1 : in->sizes[dim], bad_index);
    if (status != APUS_OK || total == 0) return status;
    select_job j = {.in = in, .index = index, .out = out, .dim = dim, .index_step = index->rank == 0 ? 0 : index->strides[0] * apus_dtype_size(index->dtype)};
    int64_t slice = total / count;
    if (in->rank > 0 && apus_view_is_contiguous(in) && apus_view_is_contiguous(out)) {
        int64_t tail = 1;
        for (int32_t d = dim + 1; d < in->rank; d++) tail *= in->sizes[d];
        j.runs = slice / tail;
        j.bytes = tail * item;
        j.in_step = j.out_step = j.bytes;
        j.in_outer = in->sizes[dim] * j.bytes;
        j.out_outer = count * j.bytes;
        apus_parallel_for(j.runs * count, 65536 / j.bytes + 1, select_runs, &j);
    } else {
        apus_parallel_for(count, 32768 / slice + 1, select_slices, &j);
    }
    return APUS_OK;
}

/// Contiguous slices written, or combined, at the positions of an inner dimension; parts that lie apart may be written at once.
typedef struct {
    const apus_view *index;
    char *out;
    const char *source;
    apus_update update; // null where slices are written
    int64_t index_step, count, size, tail, item;
} write_job;

static void write_parts(void *context, int64_t begin, int64_t end) {
    const write_job *j = context;
    int64_t bytes = j->tail * j->item;
    for (int64_t part = begin; part < end; part++) {
        char *out = j->out + part * j->size * bytes;
        const char *source = j->source + part * j->count * bytes, *index = j->index->data;
        if (!j->update) {
            write_runs(index, j->index_step, j->index->dtype, out, bytes, source, bytes, bytes, j->count);
            continue;
        }
        for (int64_t i = 0; i < j->count; i++) {
            char *to = out + apus_index_at(index + i * j->index_step, j->index->dtype) * bytes;
            for (int64_t b = 0; b < bytes; b += j->item) j->update(to + b, source + i * bytes + b);
        }
    }
}

int apus_index_add(apus_scatter_op op, int32_t dim, double alpha, const apus_view *index, const apus_view *source, const apus_view *out, int64_t *bad_index) {
    int status = check(dim, out, index, source);
    if (status != APUS_OK) return status;
    apus_update update = apus_find_update(op, out->dtype);
    if (!update) return APUS_UNSUPPORTED;
    int64_t count = apus_view_count(index), index_step = index->rank == 0 ? 0 : index->strides[0] * apus_dtype_size(index->dtype);
    status = apus_check_indices(index, 0, out->rank == 0 ? 1 : out->sizes[dim], bad_index);
    if (status != APUS_OK) return status;
    if (out->rank > 0 && (op != APUS_SCATTER_ADD || (dim > 0 && alpha == 1)) && apus_view_is_contiguous(source) && apus_view_is_contiguous(out)) {
        write_job j = {index, out->data, source->data, op == APUS_SCATTER_SET ? NULL : update, index_step, count, out->sizes[dim], 1, apus_dtype_size(out->dtype)};
        int64_t parts = 1;
        for (int32_t d = 0; d < out->rank; d++) *(d < dim ? &parts : &j.tail) *= d == dim ? 1 : out->sizes[d];
        int64_t each = count * j.tail;
        if (each > 0) apus_parallel_for(parts, 32768 / each + 1, write_parts, &j);
        return APUS_OK;
    }
    int64_t sizes[APUS_MAX_RANK], strides[APUS_MAX_RANK], sizes2[APUS_MAX_RANK], strides2[APUS_MAX_RANK], coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    apus_params params = {.x = alpha, .i = apus_f64_to_i64(alpha)};
    for (int64_t i = 0; i < count; i++) {
        int64_t value = apus_index_at((const char *)index->data + i * index_step, index->dtype);
        apus_view from = slice_of(source, dim, i, sizes, strides), to = slice_of(out, dim, value, sizes2, strides2);
        if (op == APUS_SCATTER_ADD) {
            status = alpha == 1 ? apus_binary(APUS_OP_ADD, out->dtype, NULL, &to, &from, &to) : apus_binary(APUS_OP_ADD_SCALED, out->dtype, &params, &to, &from, &to);
            if (status != APUS_OK) return status;
            continue;
        }
        const apus_view *views[] = {&from, &to};
        apus_plan plan;
        status = apus_plan_make(&plan, views, 2, true);
        if (status != APUS_OK || plan.count == 0) return status;
        apus_plan_offsets(&plan, plan.rank, 0, coordinates, offsets);
        for (int64_t e = 0; e < plan.count; e++) {
            update(plan.data[1] + offsets[1], plan.data[0] + offsets[0]);
            apus_plan_next(&plan, plan.rank, coordinates, offsets);
        }
    }
    return APUS_OK;
}

/// An int64 copy of an index of any shape and strides; null when memory has run out.
static int64_t *flattened(const apus_view *index, int64_t count) {
    int64_t *flat = apus_allocate(APUS_MAX(count, 1) * 8);
    if (!flat) return NULL;
    int64_t strides[APUS_MAX_RANK], step = 1;
    for (int32_t d = index->rank - 1; d >= 0; d--) {
        strides[d] = step;
        step *= index->sizes[d];
    }
    apus_view out = {flat, index->sizes, strides, index->rank, APUS_INT64};
    apus_copy(index, &out);
    return flat;
}

int apus_embedding(const apus_view *weight, const apus_view *index, const apus_view *out, int64_t *bad_index) {
    if (weight->rank != 2 || out->rank != index->rank + 1 || index->rank > 63 || !apus_view_is_contiguous(out)) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_index(index->dtype)) return APUS_UNSUPPORTED;
    int64_t count = apus_view_count(index), columns = weight->sizes[1];
    if (out->sizes[index->rank] != columns || apus_view_count(out) != count * columns) return APUS_INVALID_ARGUMENT;
    int64_t *flat = flattened(index, count);
    if (!flat) return APUS_OUT_OF_MEMORY;
    int64_t one = 1, sizes[2] = {count, columns}, strides[2] = {columns, 1};
    apus_view rows = {flat, &count, &one, 1, APUS_INT64}, target = {out->data, sizes, strides, 2, out->dtype};
    int status = apus_index_select(0, weight, &rows, &target, bad_index);
    apus_free(flat);
    return status;
}

int apus_embedding_backward(const apus_view *grad, const apus_view *index, int64_t padding_index, bool scale_by_frequency, const apus_view *grad_weight,
                            int64_t *bad_index) {
    if (grad_weight->rank != 2 || grad->rank != index->rank + 1 || index->rank > 63 || !apus_view_is_contiguous(grad)) return APUS_INVALID_ARGUMENT;
    if (!apus_dtype_is_index(index->dtype) || grad->dtype != grad_weight->dtype || !apus_dtype_is_floating(grad->dtype)) return APUS_UNSUPPORTED;
    int64_t count = apus_view_count(index), rows = grad_weight->sizes[0], columns = grad_weight->sizes[1];
    if (grad->sizes[index->rank] != columns || apus_view_count(grad) != count * columns) return APUS_INVALID_ARGUMENT;
    int64_t *flat = flattened(index, count), *frequency = scale_by_frequency ? apus_allocate(APUS_MAX(rows, 1) * 8) : NULL;
    int status = !flat || (scale_by_frequency && !frequency) ? APUS_OUT_OF_MEMORY : apus_fill(0, 0, grad_weight);
    if (frequency) memset(frequency, 0, (size_t)rows * 8);
    for (int64_t i = 0; i < count && status == APUS_OK; i++) {
        if ((uint64_t)flat[i] >= (uint64_t)rows) status = apus_bad_index(flat[i], bad_index);
        else if (frequency) frequency[flat[i]]++;
    }
    int64_t item = apus_dtype_size(grad->dtype), one = 1;
    for (int64_t i = 0; i < count && status == APUS_OK; i++) {
        if (flat[i] == padding_index) continue;
        apus_view from = {(char *)grad->data + i * columns * item, &columns, &one, 1, grad->dtype};
        apus_view to = {(char *)grad_weight->data + flat[i] * grad_weight->strides[0] * item, &columns, &grad_weight->strides[1], 1, grad->dtype};
        apus_params params = {.x = frequency ? 1 / (double)frequency[flat[i]] : 1};
        status = apus_binary(APUS_OP_ADD_SCALED, grad->dtype, &params, &to, &from, &to);
    }
    apus_free(flat);
    apus_free(frequency);
    return status;
}
