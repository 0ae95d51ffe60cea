/// Batch norm and group norm over contiguous [batch, channels, spatial].
#include "rows.h"
#include <stdatomic.h>

#define T float
#define NAME(x) x##_f32
#include "affine_rows.inc"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_f64
#include "affine_rows.inc"

typedef struct {
    int64_t batch, channels, spatial, groups;
    double epsilon;
    int32_t work;
    bool training;
    const apus_view *in, *grad, *out, *weight, *bias, *mean, *variance, *rstd, *grad_weight, *grad_bias;
    double *factors; // inference: per channel the scale, then the shift
    double *sums; // group norm backward: per plane sum of gradients, then of gradients times deviations
    _Atomic int status;
} job;

static double load(const apus_view *v, int64_t i, double otherwise) {
    double value = otherwise;
    if (v) apus_cast_loop(v->dtype, APUS_FLOAT64)(&value, (const char *)v->data + i * apus_dtype_size(v->dtype), NULL, NULL, 1, NULL);
    return value;
}
static void store(const apus_view *v, int64_t i, double value) {
    if (v) apus_cast_loop(APUS_FLOAT64, v->dtype)((char *)v->data + i * apus_dtype_size(v->dtype), &value, NULL, NULL, 1, NULL);
}
static char *plane_of(const job *j, const apus_view *v, int64_t plane) { return (char *)v->data + plane * j->spatial * apus_dtype_size(v->dtype); }
static const void *read(const job *j, const apus_view *v, int64_t plane, char *scratch) {
    return apus_row_in(plane_of(j, v, plane), apus_dtype_size(v->dtype), j->spatial, v->dtype, j->work, scratch);
}

static double sum(const job *j, const void *a) { return j->work == APUS_FLOAT32 ? sum_f32(a, j->spatial) : sum_f64(a, j->spatial); }
static double squares(const job *j, const void *a, double centre) {
    return j->work == APUS_FLOAT32 ? squares_f32(a, j->spatial, (float)centre) : squares_f64(a, j->spatial, centre);
}
static double product_sum(const job *j, const void *g, const void *a, double centre) {
    return j->work == APUS_FLOAT32 ? product_sum_f32(g, a, j->spatial, (float)centre) : product_sum_f64(g, a, j->spatial, centre);
}

/// out = in * scale + shift on one plane.
static void affine(const job *j, int64_t plane, double scale, double shift, char *scratch) {
    const void *a = read(j, j->in, plane, scratch);
    char *target = plane_of(j, j->out, plane);
    int64_t item = apus_dtype_size(j->out->dtype);
    void *o = apus_row_target(target, item, j->spatial, j->out->dtype, j->work, scratch + j->spatial * 8);
    if (j->work == APUS_FLOAT32) affine_f32(a, o, j->spatial, (float)scale, (float)shift);
    else affine_f64(a, o, j->spatial, scale, shift);
    apus_row_out(target, item, j->spatial, j->out->dtype, j->work, o);
}

/// out = grad * p + (in - centre) * scale * q + r on one plane.
static void combine(const job *j, int64_t plane, double p, double scale, double q, double r, double centre, char *scratch) {
    const void *g = read(j, j->grad, plane, scratch), *a = read(j, j->in, plane, scratch + j->spatial * 8);
    char *target = plane_of(j, j->out, plane);
    int64_t item = apus_dtype_size(j->out->dtype);
    void *o = apus_row_target(target, item, j->spatial, j->out->dtype, j->work, scratch + j->spatial * 16);
    if (j->work == APUS_FLOAT32) combine_f32(g, a, o, j->spatial, (float)p, (float)scale, (float)q, (float)r, (float)centre);
    else combine_f64(g, a, o, j->spatial, p, scale, q, r, centre);
    apus_row_out(target, item, j->spatial, j->out->dtype, j->work, o);
}

/// Scratch for three planes; null sets the status.
static char *scratch_for(job *j) {
    char *scratch = apus_allocate(3 * j->spatial * 8);
    if (!scratch) atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
    return scratch;
}

/// Mean and sum of squared deviations over several planes, `step` apart.
static void moments(const job *j, int64_t first, int64_t count, int64_t step, char *scratch, double *mean_out, double *m2_out) {
    double n = (double)j->spatial, mean = 0, m2 = 0, seen = 0;
    for (int64_t i = 0; i < count; i++) {
        const void *a = read(j, j->in, first + i * step, scratch);
        double own = sum(j, a) / n, centre = j->work == APUS_FLOAT32 ? (double)(float)own : own, off = own - centre;
        double own_m2 = squares(j, a, centre) - off * off * n;
        double delta = own - mean, total = seen + n;
        m2 += own_m2 + delta * delta * (seen / total) * n;
        mean += delta * n / total;
        seen = total;
    }
    *mean_out = mean;
    *m2_out = m2 < 0 ? 0 : m2;
}

/// `statistics`: how many means and variances there are.
static int start(job *j, int64_t statistics) {
    int64_t planes;
    if (!apus_dtype_is_floating(j->in->dtype)) return APUS_UNSUPPORTED;
    if (j->batch < 0 || j->channels < 0 || j->spatial < 0 || __builtin_mul_overflow(j->batch, j->channels, &planes)) return APUS_INVALID_ARGUMENT;
    const apus_view *whole[] = {j->in, j->grad, j->out}, *parameters[] = {j->weight, j->bias, j->grad_weight, j->grad_bias}, *own[] = {j->mean, j->variance, j->rstd};
    for (int k = 0; k < 3; k++)
        if (!apus_has_count(whole[k], planes, j->spatial) || !apus_has_count(own[k], statistics, 1)) return APUS_INVALID_ARGUMENT;
    for (int k = 0; k < 4; k++)
        if (!apus_has_count(parameters[k], j->channels, 1)) return APUS_INVALID_ARGUMENT;
    j->work = apus_work_dtype(j->in->dtype);
    return APUS_OK;
}
static int finish(job *j) { return atomic_load_explicit(&j->status, memory_order_relaxed); }

static void inference_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    char *scratch = scratch_for(j);
    if (!scratch) return;
    for (int64_t plane = begin; plane < end; plane++) {
        const double *factors = j->factors + plane % j->channels * 2;
        affine(j, plane, factors[0], factors[1], scratch);
    }
    apus_free(scratch);
}

int apus_batch_norm_inference(int64_t batch, int64_t channels, int64_t spatial, double epsilon, const apus_view *in, const apus_view *weight, const apus_view *bias,
                              const apus_view *mean, const apus_view *variance, const apus_view *out) {
    job j = {.batch = batch, .channels = channels, .spatial = spatial, .epsilon = epsilon, .in = in, .weight = weight, .bias = bias, .mean = mean, .variance = variance, .out = out};
    int status = start(&j, channels);
    if (status != APUS_OK) return status;
    j.factors = apus_allocate(APUS_MAX(channels, 1) * 16);
    if (!j.factors) return APUS_OUT_OF_MEMORY;
    for (int64_t c = 0; c < channels; c++) {
        double scale = load(weight, c, 1) / sqrt(load(variance, c, 1) + epsilon);
        j.factors[2 * c] = scale;
        j.factors[2 * c + 1] = load(bias, c, 0) - load(mean, c, 0) * scale;
    }
    apus_parallel_for(batch * channels, 16384 / APUS_MAX(spatial, 1) + 1, inference_range, &j);
    apus_free(j.factors);
    return finish(&j);
}

static void statistics_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    char *scratch = scratch_for(j);
    if (!scratch) return;
    for (int64_t c = begin; c < end; c++) {
        double mean, m2;
        moments(j, c, j->batch, j->channels, scratch, &mean, &m2);
        store(j->mean, c, mean);
        store(j->variance, c, m2 / ((double)j->batch * (double)j->spatial));
    }
    apus_free(scratch);
}

int apus_batch_norm_statistics(int64_t batch, int64_t channels, int64_t spatial, const apus_view *in, const apus_view *mean, const apus_view *variance) {
    job j = {.batch = batch, .channels = channels, .spatial = spatial, .in = in, .mean = mean, .variance = variance};
    int status = start(&j, channels);
    if (status != APUS_OK) return status;
    apus_parallel_for(channels, 16384 / APUS_MAX(spatial * batch, 1) + 1, statistics_range, &j);
    return finish(&j);
}

static void batch_backward_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    char *scratch = scratch_for(j);
    if (!scratch) return;
    double n = (double)j->batch * (double)j->spatial;
    for (int64_t c = begin; c < end; c++) {
        double mean = load(j->mean, c, 0), rstd = load(j->rstd, c, 1), centre = j->work == APUS_FLOAT32 ? (double)(float)mean : mean;
        double total = 0, product = 0;
        for (int64_t b = 0; b < j->batch; b++) {
            const void *g = read(j, j->grad, b * j->channels + c, scratch), *a = read(j, j->in, b * j->channels + c, scratch + j->spatial * 8);
            total += sum(j, g);
            product += product_sum(j, g, a, centre);
        }
        store(j->grad_weight, c, product * rstd);
        store(j->grad_bias, c, total);
        if (!j->out) continue;
        double p = rstd * load(j->weight, c, 1);
        double q = j->training ? -product * rstd * p / n : 0, r = j->training ? -total * p / n : 0;
        for (int64_t b = 0; b < j->batch; b++) combine(j, b * j->channels + c, p, rstd, q, r, centre, scratch);
    }
    apus_free(scratch);
}

int apus_batch_norm_backward(bool training, int64_t batch, int64_t channels, int64_t spatial, const apus_view *grad, const apus_view *in, const apus_view *weight,
                             const apus_view *mean, const apus_view *rstd, const apus_view *grad_in, const apus_view *grad_weight, const apus_view *grad_bias) {
    job j = {.training = training, .batch = batch, .channels = channels, .spatial = spatial, .grad = grad, .in = in, .weight = weight, .mean = mean, .rstd = rstd,
             .out = grad_in, .grad_weight = grad_weight, .grad_bias = grad_bias};
    int status = start(&j, channels);
    if (status != APUS_OK) return status;
    apus_parallel_for(channels, 8192 / APUS_MAX(spatial * batch, 1) + 1, batch_backward_range, &j);
    return finish(&j);
}

static void group_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    char *scratch = scratch_for(j);
    if (!scratch) return;
    int64_t width = j->channels / j->groups;
    for (int64_t g = begin; g < end; g++) {
        double mean, m2;
        int64_t first = g * width; // groups of all samples lie one after the other
        moments(j, first, width, 1, scratch, &mean, &m2);
        double rstd = 1 / sqrt(m2 / ((double)width * (double)j->spatial) + j->epsilon);
        for (int64_t i = 0; i < width; i++) {
            int64_t c = (first + i) % j->channels;
            double scale = rstd * load(j->weight, c, 1);
            affine(j, first + i, scale, load(j->bias, c, 0) - mean * scale, scratch);
        }
        store(j->mean, g, mean);
        store(j->rstd, g, rstd);
    }
    apus_free(scratch);
}

int apus_group_norm(int64_t batch, int64_t channels, int64_t spatial, int64_t groups, double epsilon, const apus_view *in, const apus_view *weight, const apus_view *bias,
                    const apus_view *out, const apus_view *mean, const apus_view *rstd) {
    job j = {.batch = batch, .channels = channels, .spatial = spatial, .groups = groups, .epsilon = epsilon, .in = in, .weight = weight, .bias = bias, .out = out, .mean = mean, .rstd = rstd};
    int64_t statistics;
    if (groups < 1 || channels % groups != 0 || __builtin_mul_overflow(batch, groups, &statistics)) return APUS_INVALID_ARGUMENT;
    int status = start(&j, statistics);
    if (status != APUS_OK) return status;
    apus_parallel_for(batch * groups, 16384 / APUS_MAX(spatial * (channels / groups), 1) + 1, group_range, &j);
    return finish(&j);
}

static void group_backward_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    char *scratch = scratch_for(j);
    if (!scratch) return;
    int64_t width = j->channels / j->groups;
    double n = (double)width * (double)j->spatial;
    for (int64_t group = begin; group < end; group++) {
        double mean = load(j->mean, group, 0), rstd = load(j->rstd, group, 1), centre = j->work == APUS_FLOAT32 ? (double)(float)mean : mean;
        double total = 0, product = 0;
        for (int64_t i = 0; i < width; i++) {
            int64_t plane = group * width + i;
            const void *g = read(j, j->grad, plane, scratch), *a = read(j, j->in, plane, scratch + j->spatial * 8);
            double weight = load(j->weight, plane % j->channels, 1), own = sum(j, g), own_product = product_sum(j, g, a, centre);
            j->sums[2 * plane] = own;
            j->sums[2 * plane + 1] = own_product * rstd;
            total += weight * own;
            product += weight * own_product;
        }
        if (!j->out) continue;
        double q = -product * rstd * rstd / n, r = -total * rstd / n;
        for (int64_t i = 0; i < width; i++) {
            int64_t plane = group * width + i;
            combine(j, plane, rstd * load(j->weight, plane % j->channels, 1), rstd, q, r, centre, scratch);
        }
    }
    apus_free(scratch);
}

int apus_group_norm_backward(int64_t batch, int64_t channels, int64_t spatial, int64_t groups, const apus_view *grad, const apus_view *in, const apus_view *mean,
                             const apus_view *rstd, const apus_view *weight, const apus_view *grad_in, const apus_view *grad_weight, const apus_view *grad_bias) {
    job j = {.batch = batch, .channels = channels, .spatial = spatial, .groups = groups, .grad = grad, .in = in, .mean = mean, .rstd = rstd, .weight = weight, .out = grad_in, .grad_weight = grad_weight,
             .grad_bias = grad_bias};
    int64_t statistics;
    if (groups < 1 || channels % groups != 0 || __builtin_mul_overflow(batch, groups, &statistics)) return APUS_INVALID_ARGUMENT;
    int status = start(&j, statistics);
    if (status != APUS_OK) return status;
    j.sums = apus_allocate(batch * channels * 16);
    if (!j.sums) return APUS_OUT_OF_MEMORY;
    apus_parallel_for(batch * groups, 8192 / APUS_MAX(spatial * (channels / groups), 1) + 1, group_backward_range, &j);
    for (int64_t c = 0; c < channels && finish(&j) == APUS_OK; c++) {
        double w = 0, b = 0;
        for (int64_t i = 0; i < batch; i++) {
            b += j.sums[2 * (i * channels + c)];
            w += j.sums[2 * (i * channels + c) + 1];
        }
        store(grad_weight, c, w);
        store(grad_bias, c, b);
    }
    apus_free(j.sums);
    return finish(&j);
}
