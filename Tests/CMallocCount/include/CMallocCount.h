#ifndef APUS_MALLOC_COUNT_H
#define APUS_MALLOC_COUNT_H
#include <stdint.h>

/// How often the calling thread has asked the C library for memory; -1 where that can't be counted (another C library, a sanitizer).
int64_t apus_malloc_count(void);
#endif
