/// A register program made ready to run: conversions inserted, buffers assigned.
#ifndef APUS_PROGRAM_H
#define APUS_PROGRAM_H
#include "../support/plan.h"
#include "loops.h"

enum { APUS_PROGRAM_REGISTERS = 4 * APUS_MAX_REGISTERS, APUS_PROGRAM_STEPS = 6 * APUS_MAX_REGISTERS };

typedef struct apus_step {
    apus_loop loop;
    int16_t out, a, b, c;
    apus_params params;
} apus_step;

typedef struct apus_program {
    int32_t steps, registers, inputs, outputs;
    int32_t dtype[APUS_PROGRAM_REGISTERS];
    /// Where a register lies in a worker's scratch memory, in tiles of 16-byte elements' slots; -1 before it is placed.
    int32_t slot[APUS_PROGRAM_REGISTERS];
    int32_t slots;
    int32_t output_register[APUS_MAX_OPERANDS];
    bool is_costly;
    /// Last: a program that is kept has memory for the steps that it has.
    apus_step step[APUS_PROGRAM_STEPS];
} apus_program;

/// Checks and compiles. `input_dtypes` and `output_dtypes` are those of memory.
int apus_program_make(apus_program *program, const apus_instruction *instructions, int32_t count, const int32_t *input_dtypes, int32_t n_in,
                      const int32_t *output_registers, const int32_t *output_dtypes, int32_t n_out);
/// Runs over a plan whose operands are the inputs, then the outputs.
int apus_run_program(const apus_program *program, const apus_plan *plan);
/// Runs over a piece of a plan of two dimensions, on the calling thread: rows `row` ..< `row + rows`, columns `column` ..< `column + columns`. For programs whose
/// operations never fail.
void apus_program_run_piece(const apus_program *program, const apus_plan *plan, int64_t row, int64_t rows, int64_t column, int64_t columns);
/// Whether an operation takes many times longer than a memory access.
bool apus_op_is_costly(int32_t op);
#endif
