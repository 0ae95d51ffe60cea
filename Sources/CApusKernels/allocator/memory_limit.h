#ifndef APUS_MEMORY_LIMIT_H
#define APUS_MEMORY_LIMIT_H
#include "../support/internal.h"

/// Bytes that the process has written and that no file backs: what its limit counts whatever else the system needs. 0 where the system does not say.
int64_t apus_resident_memory(void);
#endif
