/// bool loops.
#include "loop_macros.h"
#define T uint8_t
#define SFX bool
#include "bool.def"
#include "loop_entries.h"

const apus_loop apus_loops_bool[APUS_OP_END] = {
#include "bool.def"
};
