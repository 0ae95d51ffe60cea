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

/// Rows of the innermost dimension, in runs along the next one.
static void copy_rows(void *context, int64_t begin, int64_t end) {
    const copy_job *job = context;
    const apus_plan *p = job->plan;
    int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS];
    int32_t inner = p->rank - 1, next = inner - 1;
    int64_t n = p->sizes[inner], item = p->item[0], bytes = n * item, lines = next < 0 ? 1 : p->sizes[next];
    int64_t in_line = next < 0 ? 0 : p->strides[next][0], out_line = next < 0 ? 0 : p->strides[next][1];
    bool whole = job->inner_in == item && job->inner_out == item;
    for (int64_t i = begin; i < end;) {
        int64_t line = i % lines, run = APUS_MIN(lines - line, end - i);
        apus_plan_offsets(p, next < 0 ? 0 : next, i / lines, coordinates, offsets);
        const char *from = p->data[0] + offsets[0] + line * in_line;
        char *to = p->data[1] + offsets[1] + line * out_line;
        for (int64_t r = 0; r < run; r++, from += in_line, to += out_line) {
            if (whole) memmove(to, from, (size_t)bytes);
            else apus_move(to, job->inner_out, from, job->inner_in, n, item);
        }
        i += run;
    }
}

/// Part of a single strided row.
static void copy_one_row(void *context, int64_t begin, int64_t end) {
    const copy_job *job = context;
    const apus_plan *p = job->plan;
    apus_move(p->data[1] + begin * job->inner_out, job->inner_out, p->data[0] + begin * job->inner_in, job->inner_in, end - begin, p->item[0]);
}

/// Rows per task, and the shortest side that pays for blocks.
enum { STRIP = 64, MIN_SIDE = 8 };

/// Blocks of the plane spanned by the fast and the innermost dimension; `begin ..< end` counts strips of STRIP rows of the fast dimension.
static void copy_transposed(void *context, int64_t begin, int64_t end) {
    const copy_job *job = context;
    const apus_plan *p = job->plan;
    int32_t inner = p->rank - 1, fast = job->fast;
    int64_t strips = (p->sizes[fast] - 1) / STRIP + 1;
    for (int64_t s = begin; s < end; s++) {
        int64_t i = s % strips * STRIP, rest = s / strips, from = 0, to = 0;
        for (int32_t d = inner - 1; d >= 0; d--) {
            if (d == fast) continue;
            int64_t c = rest % p->sizes[d];
            rest /= p->sizes[d];
            from += c * p->strides[d][0];
            to += c * p->strides[d][1];
        }
        apus_transpose(p->data[1] + to + i * p->strides[fast][1], p->strides[fast][1], p->data[0] + from + i * p->strides[fast][0], p->strides[inner][0],
                       APUS_MIN(STRIP, p->sizes[fast] - i), p->sizes[inner], p->item[0]);
    }
}

static int copy_same(apus_plan *p) {
    int64_t item = p->item[0];
    bool is_there = p->data[0] == p->data[1];
    for (int32_t d = 0; is_there && d < p->rank; d++) is_there = p->strides[d][0] == p->strides[d][1];
    if (is_there) return APUS_OK;
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
        if (p->strides[d][0] == item && p->sizes[d] >= MIN_SIDE) job.fast = d;
    if (job.fast >= 0 && job.inner_out == item && job.inner_in != item && job.inner_in != 0 && p->sizes[inner] >= MIN_SIDE) {
        int64_t strips = (p->sizes[job.fast] - 1) / STRIP + 1, outer = p->count / p->sizes[inner] / p->sizes[job.fast];
        apus_parallel_for(strips * outer, grain / (STRIP * p->sizes[inner] * item) + 1, copy_transposed, &job);
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
    return status != APUS_OK ? status : apus_run_program(&program, &plan);
}
