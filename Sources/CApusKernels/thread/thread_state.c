#include "apus_thread_state.h"

static _Thread_local void *current_interpreter;

void *apus_current_interpreter(void) { return current_interpreter; }

void apus_set_current_interpreter(void *interpreter) { current_interpreter = interpreter; }
