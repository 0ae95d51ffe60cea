/// int64 loops.
#include "loop_macros.h"
#define T int64_t
#define U uint64_t
#define SFX i64
#include "integer.inc"

const apus_loop apus_loops_i64[APUS_OP_END] = {
#include "integer.def"
};
