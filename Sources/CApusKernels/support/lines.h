/// Operations along one dimension, written for packed lines.
#ifndef APUS_LINES_H
#define APUS_LINES_H
#include "plan.h"

enum { APUS_LINE_OPERANDS = 4 };

/// Works on one line per operand, each packed and in its own dtype: inputs first, outputs to be written. `scratch` is as large as asked for.
typedef void (*apus_line_function)(void *context, char *const *lines, char *scratch);

typedef struct apus_lines {
    apus_line_function function;
    void *context;
    const apus_view *views[APUS_LINE_OPERANDS];
    int32_t inputs, operands;
    int32_t dim;
    int64_t scratch_bytes;
    /// Elements of a line below which several lines go to one task.
    int64_t grain;
} apus_lines;

/// Calls the function on every line along `dim`. Views have one rank and the same sizes but along `dim`; rank 0 counts as a line of one element.
/// Lines that run against memory order are gathered and scattered sixteen at a time.
int apus_lines_run(const apus_lines *lines);
#endif
