/// Single operations: straight to the loop where memory allows it, else a program of one instruction.
#include "program.h"
#include <stdatomic.h>

typedef struct {
    apus_loop loop;
    char *out;
    const char *operand[3];
    int64_t step[3], out_item;
    const apus_params *params;
    _Atomic int status;
} direct;

/// Runs the loop over one range; scalar operands were repeated over APUS_TILE elements, so they are walked tile by tile.
static void direct_range(void *context, int64_t begin, int64_t end) {
    direct *d = context;
    bool repeats = false;
    for (int k = 0; k < 3; k++) repeats |= d->operand[k] && d->step[k] == 0;
    int64_t tile = repeats ? APUS_TILE : end - begin;
    for (int64_t i = begin; i < end; i += tile) {
        const char *at[3];
        for (int k = 0; k < 3; k++) at[k] = d->operand[k] ? d->operand[k] + i * d->step[k] : NULL;
        int status = d->loop(d->out + i * d->out_item, at[0], at[1], at[2], APUS_MIN(tile, end - i), d->params);
        if (status != APUS_OK) {
            atomic_store_explicit(&d->status, status, memory_order_relaxed);
            return;
        }
    }
}

/// Whether the operand is one element for all positions.
static bool is_scalar(const apus_view *v) {
    for (int32_t d = 0; d < v->rank; d++)
        if (v->strides[d] != 0 && v->sizes[d] != 1) return false;
    return true;
}

static bool same_sizes(const apus_view *a, const apus_view *b) {
    return a->rank == b->rank && (a->rank == 0 || memcmp(a->sizes, b->sizes, sizeof(int64_t) * (size_t)a->rank) == 0);
}

/// Tries the direct way: everything contiguous and of the register dtype, or scalar. Returns -1 when that is not so.
static int run_direct(int32_t op, int32_t compute, const apus_params *params, const apus_view *const *views, int arity, const apus_view *out) {
    if (compute != apus_register_dtype(compute) || !apus_view_is_contiguous(out)) return -1;
    apus_loop loop = apus_find_loop(op, compute);
    if (!loop || out->dtype != apus_op_result_dtype(op, compute)) return -1;
    _Alignas(64) char repeated[3][APUS_TILE * 8];
    int64_t n = apus_view_count(out);
    int64_t item = apus_dtype_size(compute);
    direct d = {.loop = loop, .out = out->data, .out_item = apus_dtype_size(out->dtype), .params = params};
    if (item > 8) return -1;
    for (int k = 0; k < arity; k++) {
        const apus_view *v = views[k];
        int32_t wanted = op == APUS_OP_WHERE && k == 0 ? APUS_BOOL : compute;
        int64_t size = apus_dtype_size(wanted);
        if (v->rank != 0 && !same_sizes(v, out)) return -1;
        if (v->dtype == wanted && apus_view_is_contiguous(v) && (v->rank != 0 || n == 1)) {
            d.operand[k] = v->data;
            d.step[k] = size;
        } else if (is_scalar(v) && apus_dtype_is_valid(v->dtype) && n > 0) {
            _Alignas(16) char value[16];
            apus_cast_loop(v->dtype, wanted)(value, v->data, NULL, NULL, 1, NULL);
            apus_repeat(repeated[k], value, APUS_MIN(n, APUS_TILE), size);
            d.operand[k] = repeated[k];
            d.step[k] = 0;
        } else {
            return -1;
        }
    }
    if (n == 0) return APUS_OK;
    int64_t grain = apus_op_is_costly(op) ? 8192 : 32768;
    if (n <= grain) direct_range(&d, 0, n);
    else apus_parallel_for(n, grain, direct_range, &d);
    return atomic_load_explicit(&d.status, memory_order_relaxed);
}

static int run_operation(int32_t op, int32_t compute, const apus_params *params, const apus_view *const *views, int arity, const apus_view *out) {
    static const apus_params none = {0, 0, 0, 0, 0, 0};
    apus_params widened;
    if (!params) params = &none;
    if (!apus_dtype_is_valid(compute) || !apus_dtype_is_valid(out->dtype)) return APUS_UNSUPPORTED;
    if (apus_op_arity(op) != arity) return APUS_UNSUPPORTED;
    if (op == APUS_OP_SHIFT_LEFT || op == APUS_OP_SHIFT_RIGHT) {
        widened = *params;
        widened.j = 8 * apus_dtype_size(compute);
        params = &widened;
    }
    int status = run_direct(op, compute, params, views, arity, out);
    if (status >= 0) return status;
    apus_instruction instruction = {.op = op, .compute = compute, .out = arity, .a = 0, .b = arity > 1 ? 1 : -1, .c = arity > 2 ? 2 : -1, .params = *params};
    const apus_view *all[4];
    int32_t dtypes[3], result = arity;
    for (int k = 0; k < arity; k++) {
        all[k] = views[k];
        dtypes[k] = views[k]->dtype;
    }
    all[arity] = out;
    apus_program program;
    status = apus_program_make(&program, &instruction, 1, dtypes, arity, &result, &out->dtype, 1);
    if (status != APUS_OK) return status;
    apus_plan plan;
    status = apus_plan_make(&plan, all, arity + 1, true);
    return status != APUS_OK ? status : apus_run_program(&program, &plan);
}

int apus_unary(int32_t op, int32_t compute, const apus_params *params, const apus_view *in, const apus_view *out) {
    const apus_view *views[] = {in};
    return run_operation(op, compute, params, views, 1, out);
}
int apus_binary(int32_t op, int32_t compute, const apus_params *params, const apus_view *a, const apus_view *b, const apus_view *out) {
    const apus_view *views[] = {a, b};
    return run_operation(op, compute, params, views, 2, out);
}
int apus_ternary(int32_t op, int32_t compute, const apus_params *params, const apus_view *a, const apus_view *b, const apus_view *c, const apus_view *out) {
    const apus_view *views[] = {a, b, c};
    return run_operation(op, compute, params, views, 3, out);
}
