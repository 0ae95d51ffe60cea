/// Whole programs: run once from their instructions, or compiled once and run many times.
#include "program.h"
#include <stddef.h>

/// Compiles the instructions and lays the walk over memory out, by rows and columns for `matrices`.
static int prepare(apus_program *program, apus_plan *plan, bool matrices, const apus_instruction *instructions, int32_t count, const apus_view *inputs, int32_t n_in,
                   const int32_t *output_registers, const apus_view *outputs, int32_t n_out) {
    if (n_in < 0 || n_in > APUS_MAX_OPERANDS || n_out < 1 || n_out > APUS_MAX_OPERANDS) return APUS_INVALID_ARGUMENT;
    const apus_view *views[APUS_PLAN_OPERANDS];
    int32_t in_dtypes[APUS_MAX_OPERANDS], out_dtypes[APUS_MAX_OPERANDS];
    for (int32_t k = 0; k < n_in; k++) {
        views[k] = &inputs[k];
        in_dtypes[k] = inputs[k].dtype;
    }
    for (int32_t k = 0; k < n_out; k++) {
        views[n_in + k] = &outputs[k];
        out_dtypes[k] = outputs[k].dtype;
    }
    int status = apus_program_make(program, instructions, count, in_dtypes, n_in, output_registers, out_dtypes, n_out);
    if (status != APUS_OK) return status;
    return matrices ? apus_plan_make_matrix(plan, views, n_in + n_out) : apus_plan_make(plan, views, n_in + n_out, true);
}

int apus_fused(const apus_instruction *instructions, int32_t count, const apus_view *inputs, int32_t n_in, const int32_t *output_registers,
               const apus_view *outputs, int32_t n_out) {
    apus_program program;
    apus_plan plan;
    int status = prepare(&program, &plan, false, instructions, count, inputs, n_in, output_registers, outputs, n_out);
    return status != APUS_OK ? status : apus_run_program(&program, &plan);
}

struct apus_fusion {
    apus_plan plan;
    /// Last: only the steps that there are have memory.
    apus_program program;
};

static apus_fusion *make(bool matrices, const apus_instruction *instructions, int32_t count, const apus_view *inputs, int32_t n_in,
                         const int32_t *output_registers, const apus_view *outputs, int32_t n_out) {
    apus_fusion made;
    if (prepare(&made.program, &made.plan, matrices, instructions, count, inputs, n_in, output_registers, outputs, n_out) != APUS_OK) return NULL;
    size_t size = offsetof(apus_fusion, program.step) + sizeof(apus_step) * (size_t)made.program.steps;
    apus_fusion *fusion = apus_allocate((int64_t)size);
    if (fusion) memcpy(fusion, &made, size);
    return fusion;
}

apus_fusion *apus_fusion_make(const apus_instruction *instructions, int32_t count, const apus_view *inputs, int32_t n_in,
                              const int32_t *output_registers, const apus_view *outputs, int32_t n_out) {
    return make(false, instructions, count, inputs, n_in, output_registers, outputs, n_out);
}

apus_fusion *apus_fusion_make_epilogue(const apus_instruction *instructions, int32_t count, const apus_view *inputs, int32_t n_in,
                                       const int32_t *output_registers, const apus_view *outputs, int32_t n_out) {
    for (int32_t i = 0; i < count; i++)
        if (apus_op_may_fail(instructions[i].op, instructions[i].compute)) return NULL;
    return make(true, instructions, count, inputs, n_in, output_registers, outputs, n_out);
}

void apus_fusion_run_piece(void *fusion, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const apus_fusion *f = fusion;
    if (rows > 0 && columns > 0) apus_program_run_piece(&f->program, &f->plan, row, rows, column, columns);
}

void apus_fusion_set_address(apus_fusion *fusion, int32_t operand, void *address) {
    if (operand >= 0 && operand < fusion->plan.operands) fusion->plan.data[operand] = address;
}

int apus_fusion_run(const apus_fusion *fusion) { return apus_run_program(&fusion->program, &fusion->plan); }

void apus_fusion_free(apus_fusion *fusion) { apus_free(fusion); }
