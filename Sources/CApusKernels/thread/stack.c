#define _GNU_SOURCE
#include "apus_stack.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/// The lowest usable address of the stack that the thread is on; 0 before it was asked for.
static _Thread_local uintptr_t stack_floor;

static uintptr_t floor_of_thread(void) {
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    void *lowest = NULL;
    size_t size = 0, guard = 0;
    int status = pthread_attr_getstack(&attributes, &lowest, &size);
    status |= pthread_attr_getguardsize(&attributes, &guard);
    pthread_attr_destroy(&attributes);
    return status == 0 ? (uintptr_t)lowest + guard : 0;
}

size_t apus_stack_left(void) {
    if (stack_floor == 0) stack_floor = floor_of_thread();
    if (stack_floor == 0) return SIZE_MAX;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here > stack_floor ? here - stack_floor : 0;
}

typedef struct {
    void (*body)(void *);
    void *context;
    ucontext_t caller, callee;
} stack_call;

// A context takes its argument in ints.
static void enter(unsigned high, unsigned low) {
    stack_call *call = (stack_call *)(uintptr_t)((uint64_t)high << 32 | low);
    call->body(call->context);
}

bool apus_call_on_new_stack(size_t size, void (*body)(void *), void *context) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (size > SIZE_MAX / 2) return false;
    size = (size + 2 * page - 1) / page * page;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return false;
    stack_call call = {body, context};
    // The lowest page guards what lies below.
    if (mprotect(stack, page, PROT_NONE) != 0 || getcontext(&call.callee) != 0) {
        munmap(stack, size);
        return false;
    }
    call.callee.uc_stack.ss_sp = stack;
    call.callee.uc_stack.ss_size = size;
    call.callee.uc_link = &call.caller;
    uint64_t address = (uint64_t)(uintptr_t)&call;
    makecontext(&call.callee, (void (*)(void))enter, 2, (unsigned)(address >> 32), (unsigned)address);
    uintptr_t outer = stack_floor;
    stack_floor = (uintptr_t)stack + page;
    bool is_called = swapcontext(&call.caller, &call.callee) == 0;
    stack_floor = outer;
    munmap(stack, size);
    return is_called;
}
