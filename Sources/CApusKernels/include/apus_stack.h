#ifndef APUS_STACK_H
#define APUS_STACK_H
#include <stdbool.h>
#include <stddef.h>

/// The bytes that the calling thread's stack, or the one that it was moved to, has left; `SIZE_MAX` where the system does not tell.
size_t apus_stack_left(void);

/// Calls `body` on a new stack of at least `size` bytes, on the same thread, whose state and locks stay as they are, and gives the stack
/// back when it returns. False, without a call, where there is no memory for it.
bool apus_call_on_new_stack(size_t size, void (*body)(void *), void *context);
#endif
