// Tells the thread sanitizer what Swift's `Mutex` orders where two threads want it at once. Its quick way in and out is inlined and seen; the
// slow one is within a library that is not built with the sanitizer, and would look like no lock at all. To be preloaded.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

void __tsan_acquire(void *address);
void __tsan_release(void *address);

/// The function of this name that would be called without this file.
static void *original(const char *name) { return dlsym(RTLD_NEXT, name); }

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t own, SELF) __asm__(LOCK);
SWIFT void lock_slow(uint32_t own, SELF) {
    ((SWIFT void (*)(uint32_t, SELF))original(LOCK))(own, self);
    __tsan_acquire(self);
}

SWIFT bool try_lock_slow(SELF) __asm__(TRY_LOCK);
SWIFT bool try_lock_slow(SELF) {
    bool has = ((SWIFT bool (*)(SELF))original(TRY_LOCK))(self);
    if (has) __tsan_acquire(self);
    return has;
}

SWIFT void unlock_slow(SELF) __asm__(UNLOCK);
SWIFT void unlock_slow(SELF) {
    __tsan_release(self);
    ((SWIFT void (*)(SELF))original(UNLOCK))(self);
}
