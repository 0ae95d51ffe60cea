/// Softmax and its logarithm along any dimension, forward and backward.
#include "../math/float32.h"
#include "../support/lines.h"
#include "rows.h"

#define T float
#define NAME(x) x##_f32
#define EXP(x) apus_exp_negative_f32(x)
#include "softmax_rows.inc"
#undef T
#undef NAME
#undef EXP
#define T double
#define NAME(x) x##_f64
#define EXP(x) apus_exp_f64(x)
#include "softmax_rows.inc"

typedef struct {
    const apus_view *views[3];
    int32_t operands, work;
    int64_t length;
    bool logarithm;
} job;

static void softmax_line(void *context, char *const *lines, char *scratch) {
    const job *j = context;
    int64_t n = j->length, bytes = (n * 8 + 63) / 64 * 64;
    const void *in[2] = {NULL, NULL};
    int32_t last = j->operands - 1, dtype = j->views[last]->dtype;
    int64_t item = apus_dtype_size(dtype);
    for (int32_t k = 0; k < last; k++) in[k] = apus_row_in(lines[k], apus_dtype_size(j->views[k]->dtype), n, j->views[k]->dtype, j->work, scratch + k * bytes);
    void *out = apus_row_target(lines[last], item, n, dtype, j->work, scratch + 2 * bytes);
    if (last == 1) {
        if (j->work == APUS_FLOAT32) softmax_f32(in[0], out, n, j->logarithm);
        else softmax_f64(in[0], out, n, j->logarithm);
    } else {
        if (j->work == APUS_FLOAT32) softmax_backward_f32(in[0], in[1], out, n, j->logarithm);
        else softmax_backward_f64(in[0], in[1], out, n, j->logarithm);
    }
    apus_row_out(lines[last], item, n, dtype, j->work, out);
}

static int run(bool logarithm, int32_t dim, const apus_view *const *views, int32_t count) {
    job j = {.operands = count, .logarithm = logarithm, .work = APUS_FLOAT32};
    const apus_view *out = views[count - 1];
    if (out->rank > 0 && (dim < 0 || dim >= out->rank)) return APUS_INVALID_ARGUMENT;
    j.length = out->rank == 0 ? 1 : out->sizes[dim];
    apus_lines lines = {.function = softmax_line, .context = &j, .inputs = count - 1, .operands = count, .dim = dim, .grain = 8192};
    for (int32_t k = 0; k < count; k++) {
        if (!apus_dtype_is_floating(views[k]->dtype)) return APUS_UNSUPPORTED;
        if (views[k]->dtype == APUS_FLOAT64) j.work = APUS_FLOAT64;
        if (views[k]->rank != out->rank || (out->rank > 0 && views[k]->sizes[dim] != j.length)) return APUS_INVALID_ARGUMENT;
        j.views[k] = lines.views[k] = views[k];
    }
    lines.scratch_bytes = 3 * ((j.length * 8 + 63) / 64 * 64);
    return apus_lines_run(&lines);
}

int apus_softmax(bool logarithm, int32_t dim, const apus_view *in, const apus_view *out) {
    const apus_view *views[] = {in, out};
    return run(logarithm, dim, views, 2);
}

int apus_softmax_backward(bool logarithm, int32_t dim, const apus_view *grad, const apus_view *result, const apus_view *out) {
    const apus_view *views[] = {grad, result, out};
    return run(logarithm, dim, views, 3);
}
