/// int32 loops.
#include "loop_macros.h"
#define T int32_t
#define U uint32_t
#define SFX i32
#include "integer.inc"

const apus_loop apus_loops_i32[APUS_OP_END] = {
#include "integer.def"
};
