#include "program.h"

bool apus_op_is_costly(int32_t op) {
    return (op >= APUS_OP_EXP && op <= APUS_OP_DIGAMMA) || (op >= APUS_OP_GELU && op <= APUS_OP_MISH) || op == APUS_OP_ELU || op == APUS_OP_SOFTPLUS ||
           op == APUS_OP_POW_SCALAR || (op >= APUS_OP_FLOOR_DIV && op <= APUS_OP_POW) || (op >= APUS_OP_ATAN2 && op <= APUS_OP_XLOGY && op != APUS_OP_COPYSIGN) ||
           (op >= APUS_OP_GELU_BACKWARD && op <= APUS_OP_SILU_BACKWARD) || op == APUS_OP_SOFTPLUS_BACKWARD || op == APUS_OP_ELU_BACKWARD ||
           op == APUS_OP_MISH_BACKWARD || op == APUS_OP_LOG_SIGMOID_BACKWARD || (op >= APUS_OP_POLYGAMMA && op <= APUS_OP_LOG_NDTR) ||
           (op >= APUS_OP_ZETA && op <= APUS_OP_POLYNOMIAL);
}

bool apus_op_may_fail(int32_t op, int32_t compute) {
    if (compute > APUS_INT64) return false;
    switch (op) {
    case APUS_OP_FLOOR_DIV:
    case APUS_OP_TRUNC_DIV:
    case APUS_OP_REMAINDER:
    case APUS_OP_FMOD:
    case APUS_OP_ADDCDIV:
    case APUS_OP_POW_SCALAR: return true;
    default: return false;
    }
}

static int32_t new_register(apus_program *p, int32_t dtype) {
    if (p->registers == APUS_PROGRAM_REGISTERS) return -1;
    p->dtype[p->registers] = dtype;
    p->slot[p->registers] = -1;
    return p->registers++;
}

static apus_step *new_step(apus_program *p, apus_loop loop, int32_t out, int32_t a, int32_t b, int32_t c) {
    if (p->steps == APUS_PROGRAM_STEPS) return NULL;
    apus_step *s = &p->step[p->steps++];
    s->loop = loop;
    s->out = (int16_t)out;
    s->a = (int16_t)a;
    s->b = (int16_t)b;
    s->c = (int16_t)c;
    return s;
}

/// The register that holds `source` as `dtype`: itself, an earlier conversion, or a new one. -1 when there is no room.
static int32_t converted(apus_program *p, int32_t source, int32_t dtype) {
    if (p->dtype[source] == dtype) return source;
    apus_loop loop = apus_cast_loop(p->dtype[source], dtype);
    for (int32_t s = 0; s < p->steps; s++)
        if (p->step[s].loop == loop && p->step[s].a == source) return p->step[s].out;
    int32_t target = new_register(p, dtype);
    if (target < 0 || !new_step(p, loop, target, source, -1, -1)) return -1;
    return target;
}

/// Compiles one instruction; `names` maps the caller's registers to ours.
static int add_instruction(apus_program *p, const apus_instruction *in, int32_t *names) {
    if (!apus_dtype_is_valid(in->compute)) return APUS_UNSUPPORTED;
    int32_t work = apus_register_dtype(in->compute);
    apus_loop loop = apus_find_loop(in->op, work);
    if (!loop) return APUS_UNSUPPORTED;
    int arity = apus_op_arity(in->op);
    int32_t given[3] = {in->a, in->b, in->c}, operand[3] = {-1, -1, -1};
    for (int k = 0; k < arity; k++) {
        if (given[k] < 0 || given[k] >= APUS_MAX_REGISTERS || names[given[k]] < 0) return APUS_INVALID_ARGUMENT;
        int32_t source = names[given[k]];
        // Values are first seen in the compute dtype (so that an int64 operand of a half comparison is rounded as a half); by those of arithmetic
        // is computed as they are, as a half of 1 by 100,000, which no half is, and so are weights.
        bool as_is = (in->op == APUS_OP_WHERE && k == 0) || (in->op >= APUS_OP_ADD && in->op <= APUS_OP_DIV) || (in->op == APUS_OP_LERP && k == 2);
        int32_t as_compute = as_is ? source : converted(p, source, in->compute);
        int32_t wanted = in->op == APUS_OP_WHERE && k == 0 ? APUS_BOOL : work;
        operand[k] = as_compute < 0 ? -1 : converted(p, as_compute, wanted);
        if (operand[k] < 0) return APUS_INVALID_ARGUMENT;
    }
    int32_t result = apus_op_result_dtype(in->op, work);
    int32_t out = new_register(p, result);
    apus_step *step = out < 0 ? NULL : new_step(p, loop, out, operand[0], operand[1], operand[2]);
    if (!step) return APUS_INVALID_ARGUMENT;
    step->params = in->params;
    if (in->op == APUS_OP_NEXTAFTER) step->params.i = in->compute; // the neighbours are those of the dtype, not of the register
    if (in->op == APUS_OP_SHIFT_LEFT || in->op == APUS_OP_SHIFT_RIGHT) step->params.j = 8 * apus_dtype_size(in->compute);
    if (in->out < 0 || in->out >= APUS_MAX_REGISTERS || names[in->out] >= 0) return APUS_INVALID_ARGUMENT;
    int32_t declared = apus_op_result_dtype(in->op, in->compute);
    int32_t final = converted(p, out, declared);
    if (final < 0) return APUS_INVALID_ARGUMENT;
    names[in->out] = final;
    p->is_costly |= apus_op_is_costly(in->op);
    return APUS_OK;
}

/// Gives every register a slot; a slot is used again after its register's last use.
static void place(apus_program *p) {
    int32_t last_use[APUS_PROGRAM_REGISTERS];
    int32_t free_slots[APUS_PROGRAM_REGISTERS], free_count = 0;
    for (int32_t r = 0; r < p->registers; r++) last_use[r] = r < p->inputs ? 0 : -1;
    for (int32_t s = 0; s < p->steps; s++) {
        const int16_t used[4] = {p->step[s].a, p->step[s].b, p->step[s].c, p->step[s].out};
        for (int k = 0; k < 4; k++)
            if (used[k] >= 0) last_use[used[k]] = s;
    }
    for (int32_t o = 0; o < p->outputs; o++) last_use[p->output_register[o]] = p->steps;
    for (int32_t r = 0; r < p->inputs; r++) last_use[r] = p->steps; // a filled scalar is kept from tile to tile
    p->slots = 0;
    for (int32_t r = 0; r < p->inputs; r++) p->slot[r] = p->slots++;
    for (int32_t s = 0; s < p->steps; s++) {
        int32_t out = p->step[s].out;
        p->slot[out] = free_count > 0 ? free_slots[--free_count] : p->slots++;
        for (int32_t r = p->inputs; r < p->registers; r++)
            if (last_use[r] == s && p->slot[r] >= 0) free_slots[free_count++] = p->slot[r];
    }
}

int apus_program_make(apus_program *p, const apus_instruction *instructions, int32_t count, const int32_t *input_dtypes, int32_t n_in,
                      const int32_t *output_registers, const int32_t *output_dtypes, int32_t n_out) {
    if (n_in < 0 || n_in > APUS_MAX_OPERANDS || n_out < 1 || n_out > APUS_MAX_OPERANDS || count < 0) return APUS_INVALID_ARGUMENT;
    p->steps = p->registers = 0;
    p->inputs = n_in;
    p->outputs = n_out;
    p->is_costly = false;
    int32_t names[APUS_MAX_REGISTERS];
    for (int32_t r = 0; r < APUS_MAX_REGISTERS; r++) names[r] = -1;
    for (int32_t k = 0; k < n_in; k++) {
        if (!apus_dtype_is_valid(input_dtypes[k])) return APUS_UNSUPPORTED;
        names[k] = new_register(p, input_dtypes[k]);
    }
    for (int32_t i = 0; i < count; i++) {
        int status = add_instruction(p, &instructions[i], names);
        if (status != APUS_OK) return status;
    }
    for (int32_t o = 0; o < n_out; o++) {
        int32_t r = output_registers[o];
        if (r < 0 || r >= APUS_MAX_REGISTERS || names[r] < 0) return APUS_INVALID_ARGUMENT;
        if (!apus_dtype_is_valid(output_dtypes[o])) return APUS_UNSUPPORTED;
        p->output_register[o] = converted(p, names[r], output_dtypes[o]);
        if (p->output_register[o] < 0) return APUS_INVALID_ARGUMENT;
    }
    place(p);
    return APUS_OK;
}
