/// Copies between strides and dtypes.
#include "../pointwise/program.h"
#include "../support/plan.h"

typedef struct {
    const apus_plan *plan;
    int64_t inner_in, inner_out;
    int32_t fast; // the dimension along which the input is contiguous
} copy_job;

static void copy_bytes(void *context, int64_t begin, int64_t end) {
    const apus_plan *p = ((copy_job *)context)->plan;
    memmove(p->data[1] + begin, p->data[0] + begin, (size_t)(end - begin));
}

/// Rows of the innermost dimension, one apus_move each.
static void copy_rows(void *context, int64_t begin, int64_t end) {
    const copy_job *job = context;
    const apus_plan *p = job->plan;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int32_t inner = p->rank - 1;
    apus_plan_offsets(p, inner, begin, coordinates, offsets);
    for (int64_t i = begin; i < end; i++) {
        apus_move(p->data[1] + offsets[1], job->inner_out, p->data[0] + offsets[0], job->inner_in, p->sizes[inner], p->item[0]);
        apus_plan_next(p, inner, coordinates, offsets);
    }
}

/// Part of a single strided row.
static void copy_one_row(void *context, int64_t begin, int64_t end) {
    const copy_job *job = context;
    const apus_plan *p = job->plan;
    apus_move(p->data[1] + begin * job->inner_out, job->inner_out, p->data[0] + begin * job->inner_in, job->inner_in, end - begin, p->item[0]);
}

enum { BLOCK = 16 };

/// out[i][j] = in[j][i] for a block; the input runs along i, the output along j.
#define TRANSPOSE(TYPE)                                                                                                                        \
    for (int64_t i = 0; i < rows; i++)                                                                                                          \
        for (int64_t j = 0; j < columns; j++) *(TYPE *)(out + i * out_stride + j * (int64_t)sizeof(TYPE)) = *(const TYPE *)(in + j * in_stride + i * (int64_t)sizeof(TYPE));
#define TRANSPOSE_FULL(TYPE)                                                                                                                   \
    {                                                                                                                                           \
        TYPE block[BLOCK][BLOCK];                                                                                                               \
        for (int j = 0; j < BLOCK; j++) memcpy(block[j], in + j * in_stride, sizeof block[j]);                                                   \
        for (int i = 0; i < BLOCK; i++) {                                                                                                       \
            TYPE row[BLOCK];                                                                                                                    \
            for (int j = 0; j < BLOCK; j++) row[j] = block[j][i];                                                                               \
            memcpy(out + i * out_stride, row, sizeof row);                                                                                      \
        }                                                                                                                                       \
    }
APUS_CLONES static void transpose_block(char *out, int64_t out_stride, const char *in, int64_t in_stride, int64_t rows, int64_t columns, int64_t item) {
    bool full = rows == BLOCK && columns == BLOCK;
    switch (item) {
    case 1: if (full) TRANSPOSE_FULL(uint8_t) else { TRANSPOSE(uint8_t) } break;
    case 2: if (full) TRANSPOSE_FULL(uint16_t) else { TRANSPOSE(uint16_t) } break;
    case 4: if (full) TRANSPOSE_FULL(uint32_t) else { TRANSPOSE(uint32_t) } break;
    case 8: if (full) TRANSPOSE_FULL(uint64_t) else { TRANSPOSE(uint64_t) } break;
    default: TRANSPOSE(apus_c128) break;
    }
}

/// Blocks of the plane spanned by the fast and the innermost dimension; `begin ..< end` counts strips of BLOCK rows of the fast dimension.
static void copy_transposed(void *context, int64_t begin, int64_t end) {
    const copy_job *job = context;
    const apus_plan *p = job->plan;
    int32_t inner = p->rank - 1, fast = job->fast;
    int64_t strips = (p->sizes[fast] - 1) / BLOCK + 1;
    for (int64_t s = begin; s < end; s++) {
        int64_t i = s % strips * BLOCK, rest = s / strips, from = 0, to = 0;
        for (int32_t d = inner - 1; d >= 0; d--) {
            if (d == fast) continue;
            int64_t c = rest % p->sizes[d];
            rest /= p->sizes[d];
            from += c * p->strides[d][0];
            to += c * p->strides[d][1];
        }
        int64_t rows = APUS_MIN(BLOCK, p->sizes[fast] - i);
        for (int64_t j = 0; j < p->sizes[inner]; j += BLOCK)
            transpose_block(p->data[1] + to + i * p->strides[fast][1] + j * p->strides[inner][1], p->strides[fast][1],
                            p->data[0] + from + i * p->strides[fast][0] + j * p->strides[inner][0], p->strides[inner][0], rows,
                            APUS_MIN(BLOCK, p->sizes[inner] - j), p->item[0]);
    }
}

static int copy_same(apus_plan *p) {
    int64_t item = p->item[0];
    if (p->rank == 0) {
        memmove(p->data[1], p->data[0], (size_t)item);
        return APUS_OK;
    }
    int32_t inner = p->rank - 1;
    copy_job job = {.plan = p, .inner_in = p->strides[inner][0], .inner_out = p->strides[inner][1]};
    int64_t grain = 1 << 18;
    if (inner == 0 && job.inner_in == item && job.inner_out == item) {
        apus_parallel_for(p->count * item, grain, copy_bytes, &job);
        return APUS_OK;
    }
    job.fast = -1;
    for (int32_t d = 0; d < inner; d++)
        if (p->strides[d][0] == item && p->sizes[d] >= BLOCK) job.fast = d;
    if (job.fast >= 0 && job.inner_out == item && job.inner_in != item && job.inner_in != 0 && p->sizes[inner] >= BLOCK) {
        int64_t strips = (p->sizes[job.fast] - 1) / BLOCK + 1, outer = p->count / p->sizes[inner] / p->sizes[job.fast];
        apus_parallel_for(strips * outer, grain / (BLOCK * p->sizes[inner] * item) + 1, copy_transposed, &job);
        return APUS_OK;
    }
    int64_t rows = p->count / p->sizes[inner];
    if (rows == 1) {
        apus_parallel_for(p->count, grain / item, copy_one_row, &job);
        return APUS_OK;
    }
    apus_parallel_for(rows, grain / (p->sizes[inner] * item) + 1, copy_rows, &job);
    return APUS_OK;
}

int apus_copy(const apus_view *in, const apus_view *out) {
    const apus_view *views[] = {in, out};
    apus_plan plan;
    int status = apus_plan_make(&plan, views, 2, true);
    if (status != APUS_OK || plan.count == 0) return status;
    if (in->dtype == out->dtype) return copy_same(&plan);
    apus_program program;
    int32_t result = 0;
    status = apus_program_make(&program, NULL, 0, &in->dtype, 1, &result, &out->dtype, 1);
    return status != APUS_OK ? status : apus_program_run(&program, &plan);
}
