#ifndef APUS_THREAD_STATE_H
#define APUS_THREAD_STATE_H

/// The interpreter that the calling thread's tensor operations go to; null for eager execution. Not owned.
void *apus_current_interpreter(void);
void apus_set_current_interpreter(void *interpreter);
#endif
