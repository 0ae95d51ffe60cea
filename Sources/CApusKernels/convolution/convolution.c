/// Convolutions as products of weights and unrolled windows.
#include "convolution.h"
#include "gradient.h"
#include "turned.h"
#include <stdatomic.h>

/// TASKS: how many a convolution is cut into where it is large. Tasks follow from the shape alone, never from the number of threads: products of other shapes
/// round differently.
enum { TILE_BYTES = 1 << 20, MIN_TILE = 64, TASKS = 16, MIN_ROWS = 96 };

int64_t apus_conv_out_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
    int64_t limit = INT64_MAX / 4;
    if (in < 0 || kernel < 1 || stride < 1 || padding < 0 || dilation < 1 || in > limit || padding > limit / 2) return -1;
    int64_t span;
    if (__builtin_mul_overflow(dilation, kernel - 1, &span)) return -1;
    int64_t room = in + 2 * padding - 1 - span;
    return span > limit || room < 0 ? -1 : room / stride + 1;
}

int apus_conv_check(const apus_conv *c, int32_t dtype, apus_conv_shape *s) {
    if (!apus_dtype_is_floating(dtype) && !apus_dtype_is_integer(dtype)) return APUS_UNSUPPORTED;
    if (c->batch < 0 || c->groups < 1 || c->in_channels < 0 || c->out_channels < 0 || c->in_channels % c->groups != 0 || c->out_channels % c->groups != 0) return APUS_INVALID_ARGUMENT;
    s->in_plane = s->out_plane = s->window = 1;
    s->pointwise = true;
    for (int d = 0; d < 3; d++) {
        int64_t expected = apus_conv_out_size(c->in_size[d], c->kernel[d], c->stride[d], c->padding[d], c->dilation[d]);
        // A transposed convolution may be padded by more than its stride: then the last positions have no counterpart.
        if (expected < 0 || c->out_size[d] < 0 || c->out_size[d] > expected) return APUS_INVALID_ARGUMENT;
        bool overflow = __builtin_mul_overflow(s->in_plane, c->in_size[d], &s->in_plane);
        overflow = __builtin_mul_overflow(s->out_plane, c->out_size[d], &s->out_plane) || overflow;
        overflow = __builtin_mul_overflow(s->window, c->kernel[d], &s->window) || overflow;
        if (overflow) return APUS_INVALID_ARGUMENT;
        s->pointwise &= c->kernel[d] == 1 && c->stride[d] == 1 && c->padding[d] == 0 && c->out_size[d] == c->in_size[d];
    }
    s->group_in = c->in_channels / c->groups;
    s->group_out = c->out_channels / c->groups;
    if (__builtin_mul_overflow(s->group_in, s->window, &s->rows)) return APUS_INVALID_ARGUMENT;
    s->depthwise = s->group_in == 1 && !s->pointwise;
    return APUS_OK;
}

typedef struct {
    const apus_conv *conv;
    apus_conv_shape shape;
    int32_t dtype;
    int64_t item;
    const char *in, *weight, *bias, *grad;
    char *out;
    int64_t tile, tiles;         // forward: output positions per task
    int64_t block, blocks;       // backward: input channels per task
    int64_t tasks;
    _Atomic int status;
} job;

static void fail(job *j, int status) { atomic_store_explicit(&j->status, status, memory_order_relaxed); }

/// Fills a tile of output rows with the channels' biases.
static void put_bias(const job *j, int64_t group, char *out, int64_t count) {
    for (int64_t o = 0; o < j->shape.group_out; o++) {
        int64_t channel = group * j->shape.group_out + o;
        char *row = out + o * j->shape.out_plane * j->item;
        if (j->dtype == APUS_FLOAT32) {
            float b = ((const float *)j->bias)[channel];
            for (int64_t i = 0; i < count; i++) ((float *)row)[i] = b;
        } else {
            double b = ((const double *)j->bias)[channel];
            for (int64_t i = 0; i < count; i++) ((double *)row)[i] = b;
        }
    }
}

static void forward_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv_shape *s = &j->shape;
    char *columns = s->pointwise ? NULL : apus_allocate(s->rows * j->tile * j->item);
    if (!s->pointwise && !columns) {
        fail(j, APUS_OUT_OF_MEMORY);
        return;
    }
    for (int64_t t = begin; t < end; t++) {
        int64_t first = t % j->tiles * j->tile, group = t / j->tiles % j->conv->groups, sample = t / j->tiles / j->conv->groups;
        int64_t count = APUS_MIN(j->tile, s->out_plane - first);
        const char *in = j->in + (sample * j->conv->in_channels + group * s->group_in) * s->in_plane * j->item;
        char *out = j->out + ((sample * j->conv->out_channels + group * s->group_out) * s->out_plane + first) * j->item;
        const char *b = s->pointwise ? in + first * j->item : columns;
        if (!s->pointwise) apus_conv_unroll(j->conv, j->item, in, s->group_in, first, count, columns);
        if (j->bias) put_bias(j, group, out, count);
        int status = apus_gemm_of_task(j->tasks, false, false, s->group_out, count, s->rows, 1, j->weight + group * s->group_out * s->rows * j->item, s->rows, b,
                               s->pointwise ? s->in_plane : count, j->bias ? 1 : 0, out, s->out_plane, j->dtype);
        if (status != APUS_OK) fail(j, status);
    }
    apus_free(columns);
}

static void depthwise_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    apus_conv_depthwise_f64(j->conv, (const double *)j->in, (const double *)j->weight, (const double *)j->bias, (double *)j->out, begin, end);
}

static int run_forward(job *j) {
    const apus_conv_shape *s = &j->shape;
    if (j->conv->batch == 0 || s->out_plane == 0 || j->conv->out_channels == 0) return APUS_OK;
    if (s->depthwise && j->dtype == APUS_FLOAT32) return apus_conv_packed(j->conv, APUS_CONV_DEPTHWISE, j->in, j->weight, j->bias, NULL, NULL, j->out);
    if (s->depthwise) {
        apus_parallel_for(j->conv->batch * j->conv->out_channels, 32768 / (s->out_plane * s->window) + 1, depthwise_range, j);
        return APUS_OK;
    }
    // Preparing the weights pays where they are used often enough.
    if (j->dtype == APUS_FLOAT32 && j->conv->batch * s->out_plane >= APUS_CONV_LEAST_POSITIONS) {
        int32_t algorithm = apus_conv_algorithm_for(j->conv, j->dtype, true);
        if (algorithm < 0 || j->conv->batch * s->out_plane < 4 * APUS_CONV_LEAST_POSITIONS) algorithm = APUS_CONV_DIRECT;
        char *packed = apus_allocate(apus_conv_packed_size(j->conv, algorithm));
        if (!packed) return APUS_OUT_OF_MEMORY;
        int status = apus_conv_pack(j->conv, algorithm, j->weight, packed);
        if (status == APUS_OK) status = apus_conv_packed(j->conv, algorithm, j->in, packed, j->bias, NULL, NULL, j->out);
        apus_free(packed);
        return status;
    }
    // Each thread gets a few tiles; a tile's windows stay in the second-level cache.
    int64_t fits = TILE_BYTES / j->item / APUS_MAX(s->rows, 1), share = (s->out_plane * j->conv->batch * j->conv->groups - 1) / TASKS + 1;
    j->tile = APUS_MAX(MIN_TILE, APUS_MIN(fits, share)) / 16 * 16;
    if (s->pointwise) j->tile = APUS_MAX(MIN_TILE, APUS_MIN(1024, share)) / 16 * 16;
    j->tile = APUS_MIN(j->tile, s->out_plane);
    j->tiles = (s->out_plane - 1) / j->tile + 1;
    j->tasks = j->conv->batch * j->conv->groups * j->tiles;
    apus_parallel_for(j->tasks, 1, forward_range, j);
    return atomic_load_explicit(&j->status, memory_order_relaxed);
}

static void backward_input_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv_shape *s = &j->shape;
    char *columns = s->pointwise ? NULL : apus_allocate(j->block * s->window * s->out_plane * j->item);
    if (!s->pointwise && !columns) {
        fail(j, APUS_OUT_OF_MEMORY);
        return;
    }
    for (int64_t t = begin; t < end; t++) {
        int64_t channel = t % j->blocks * j->block, group = t / j->blocks % j->conv->groups, sample = t / j->blocks / j->conv->groups;
        int64_t channels = APUS_MIN(j->block, s->group_in - channel), rows = channels * s->window;
        char *planes = j->out + (sample * j->conv->in_channels + group * s->group_in + channel) * s->in_plane * j->item;
        const char *grad = j->grad + (sample * j->conv->out_channels + group * s->group_out) * s->out_plane * j->item;
        const char *weight = j->weight + (group * s->group_out * s->rows + channel * s->window) * j->item;
        int status = apus_gemm_of_task(j->tasks, true, false, rows, s->out_plane, s->group_out, 1, weight, s->rows, grad, s->out_plane, 0, s->pointwise ? planes : columns, s->out_plane, j->dtype);
        if (status != APUS_OK) fail(j, status);
        if (s->pointwise) continue;
        memset(planes, 0, (size_t)(channels * s->in_plane * j->item));
        if (j->dtype == APUS_FLOAT32) apus_conv_roll_f32(j->conv, (const float *)columns, channels, (float *)planes);
        else apus_conv_roll_f64(j->conv, (const double *)columns, channels, (double *)planes);
    }
    apus_free(columns);
}

/// Input channels per task where `units` tasks are there already: blocks of them leave rows enough for a product to pay. Pieces are a power of two, so that
/// threads end together.
static int64_t channel_block(const apus_conv_shape *s, int64_t units) {
    if (units >= TASKS / 2) return s->group_in;
    int64_t pieces = 2;
    while (pieces * 2 * units <= TASKS && s->rows / (pieces * 2) >= MIN_ROWS) pieces *= 2;
    return (s->group_in - 1) / pieces + 1;
}

static int run_backward_input(job *j) {
    const apus_conv_shape *s = &j->shape;
    if (j->conv->batch == 0 || j->conv->in_channels == 0 || s->in_plane == 0) return APUS_OK;
    if (s->out_plane == 0 || s->group_out == 0) {
        memset(j->out, 0, (size_t)(j->conv->batch * j->conv->in_channels * s->in_plane * j->item));
        return APUS_OK;
    }
    if (j->dtype == APUS_FLOAT32 && apus_conv_suits_turned(j->conv, s)) return apus_conv_turned(j->conv, s, (const float *)j->grad, (const float *)j->weight, (float *)j->out);
    int64_t fits = 4 * TILE_BYTES / j->item / (s->window * s->out_plane), units = j->conv->batch * j->conv->groups;
    j->block = APUS_MAX(1, APUS_MIN(channel_block(s, units), APUS_MAX(fits, (64 + s->window - 1) / s->window)));
    j->blocks = (s->group_in - 1) / j->block + 1;
    j->tasks = units * j->blocks;
    apus_parallel_for(j->tasks, 1, backward_input_range, j);
    return atomic_load_explicit(&j->status, memory_order_relaxed);
}

static void backward_weight_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_conv_shape *s = &j->shape;
    char *columns = s->pointwise ? NULL : apus_allocate(j->block * s->window * j->tile * j->item);
    if (!s->pointwise && !columns) {
        fail(j, APUS_OUT_OF_MEMORY);
        return;
    }
    for (int64_t t = begin; t < end; t++) {
        int64_t channel = t % j->blocks * j->block, group = t / j->blocks, channels = APUS_MIN(j->block, s->group_in - channel), rows = channels * s->window;
        char *target = j->out + (group * s->group_out * s->rows + channel * s->window) * j->item;
        bool fresh = true;
        for (int64_t sample = 0; sample < j->conv->batch; sample++)
            for (int64_t first = 0; first < s->out_plane; first += j->tile) {
                int64_t count = APUS_MIN(j->tile, s->out_plane - first);
                const char *in = j->in + (sample * j->conv->in_channels + group * s->group_in + channel) * s->in_plane * j->item;
                const char *grad = j->grad + ((sample * j->conv->out_channels + group * s->group_out) * s->out_plane + first) * j->item;
                if (!s->pointwise) apus_conv_unroll(j->conv, j->item, in, channels, first, count, columns);
                int status = apus_gemm_of_task(j->tasks, false, true, s->group_out, rows, count, 1, grad, s->out_plane, s->pointwise ? in + first * j->item : columns,
                                       s->pointwise ? s->in_plane : count, fresh ? 0 : 1, target, s->rows, j->dtype);
                if (status != APUS_OK) fail(j, status);
                fresh = false;
            }
    }
    apus_free(columns);
}

static int run_backward_weight(job *j) {
    const apus_conv_shape *s = &j->shape;
    if (s->rows == 0 || j->conv->out_channels == 0) return APUS_OK;
    if (j->conv->batch == 0 || s->out_plane == 0) {
        memset(j->out, 0, (size_t)(j->conv->out_channels * s->rows * j->item));
        return APUS_OK;
    }
    if (j->dtype == APUS_FLOAT32 && apus_conv_suits_gradient(j->conv, s)) return apus_conv_gradient(j->conv, s, (const float *)j->grad, (const float *)j->in, (float *)j->out);
    j->block = APUS_MAX(1, APUS_MIN(channel_block(s, j->conv->groups), APUS_MAX(1, 4096 / s->window)));
    j->blocks = (s->group_in - 1) / j->block + 1;
    j->tile = APUS_MIN(s->out_plane, APUS_MAX(256, TILE_BYTES / j->item / (j->block * s->window)));
    j->tasks = j->conv->groups * j->blocks;
    apus_parallel_for(j->tasks, 1, backward_weight_range, j);
    return atomic_load_explicit(&j->status, memory_order_relaxed);
}

/// A float32 copy of a half tensor; null when memory has run out.
static char *widened(const void *data, int64_t count, int32_t dtype) {
    char *copy = apus_allocate(count * 4);
    int64_t one = 1;
    apus_view in = {(void *)(uintptr_t)data, &count, &one, 1, dtype}, out = {copy, &count, &one, 1, APUS_FLOAT32};
    if (copy) apus_copy(&in, &out);
    return copy;
}

/// Runs `body`; halves are computed in float32 copies. `a` and `b` are the inputs' element counts, `c` the bias's (0 without), `n` the result's.
static int run(job *j, int (*body)(job *), const char **x, int64_t x_count, const char **y, int64_t y_count, int64_t bias_count, int64_t out_count) {
    if (j->dtype == APUS_FLOAT32 || j->dtype == APUS_FLOAT64) {
        j->item = apus_dtype_size(j->dtype);
        return body(j);
    }
    int32_t dtype = j->dtype;
    char *out = j->out, *wide_x = widened(*x, x_count, dtype), *wide_y = widened(*y, y_count, dtype), *wide_bias = j->bias ? widened(j->bias, bias_count, dtype) : NULL;
    char *wide_out = apus_allocate(out_count * 4);
    int status = APUS_OUT_OF_MEMORY;
    if (wide_x && wide_y && wide_out && (wide_bias || !j->bias)) {
        *x = wide_x;
        *y = wide_y;
        if (j->bias) j->bias = wide_bias;
        j->out = wide_out;
        j->dtype = APUS_FLOAT32;
        j->item = 4;
        status = body(j);
        int64_t one = 1;
        apus_view from = {wide_out, &out_count, &one, 1, APUS_FLOAT32}, to = {out, &out_count, &one, 1, dtype};
        if (status == APUS_OK) status = apus_copy(&from, &to);
    }
    apus_free(wide_x);
    apus_free(wide_y);
    apus_free(wide_bias);
    apus_free(wide_out);
    return status;
}

int apus_conv_forward(const apus_conv *conv, int32_t dtype, const void *in, const void *weight, const void *bias, void *out) {
    job j = {.conv = conv, .dtype = dtype, .in = in, .weight = weight, .bias = bias, .out = out};
    int status = apus_conv_check(conv, dtype, &j.shape);
    if (status != APUS_OK) return status;
    const apus_conv_shape *s = &j.shape;
    if (apus_dtype_is_integer(dtype)) return apus_conv_integers(conv, s, dtype, in, weight, bias, out);
    return run(&j, run_forward, &j.in, conv->batch * conv->in_channels * s->in_plane, &j.weight, conv->out_channels * s->rows, conv->out_channels, conv->batch * conv->out_channels * s->out_plane);
}

int apus_conv_backward_input(const apus_conv *conv, int32_t dtype, const void *grad, const void *weight, void *grad_in) {
    job j = {.conv = conv, .dtype = dtype, .grad = grad, .weight = weight, .out = grad_in};
    int status = apus_conv_check(conv, dtype, &j.shape);
    if (status != APUS_OK) return status;
    const apus_conv_shape *s = &j.shape;
    if (apus_dtype_is_integer(dtype)) return apus_conv_integers_backward(conv, s, dtype, grad, weight, grad_in);
    return run(&j, run_backward_input, &j.grad, conv->batch * conv->out_channels * s->out_plane, &j.weight, conv->out_channels * s->rows, 0, conv->batch * conv->in_channels * s->in_plane);
}

int apus_conv_backward_weight(const apus_conv *conv, int32_t dtype, const void *grad, const void *in, void *grad_weight) {
    job j = {.conv = conv, .dtype = dtype, .grad = grad, .in = in, .out = grad_weight};
    int status = apus_conv_check(conv, dtype, &j.shape);
    if (status != APUS_OK) return status;
    const apus_conv_shape *s = &j.shape;
    if (apus_dtype_is_integer(dtype)) return APUS_UNSUPPORTED;
    return run(&j, run_backward_weight, &j.grad, conv->batch * conv->out_channels * s->out_plane, &j.in, conv->batch * conv->in_channels * s->in_plane, 0, conv->out_channels * s->rows);
}

int apus_conv_backward_bias(const apus_conv *conv, int32_t dtype, const void *grad, void *grad_bias) {
    apus_conv_shape s;
    int status = apus_conv_check(conv, dtype, &s);
    if (status != APUS_OK) return status;
    int64_t sizes[3] = {conv->batch, conv->out_channels, s.out_plane}, strides[3] = {conv->out_channels * s.out_plane, s.out_plane, 1};
    int64_t kept[3] = {1, conv->out_channels, 1}, one[3] = {1, 1, 1};
    apus_view in = {(void *)(uintptr_t)grad, sizes, strides, 3, dtype}, out = {grad_bias, kept, one, 3, dtype};
    return apus_reduce(APUS_REDUCE_SUM, 0, &in, &out);
}

int apus_add_channel_bias(int64_t batch, int64_t channels, int64_t spatial, int32_t dtype, const void *bias, void *out) {
    int64_t sizes[3] = {batch, channels, spatial}, strides[3] = {channels * spatial, spatial, 1}, repeated[3] = {0, 1, 0};
    apus_view target = {out, sizes, strides, 3, dtype}, b = {(void *)(uintptr_t)bias, sizes, repeated, 3, dtype};
    return apus_binary(APUS_OP_ADD, dtype, NULL, &target, &b, &target);
}
