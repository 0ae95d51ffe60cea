#ifndef APUS_EPILOGUE_H
#define APUS_EPILOGUE_H
#include <stdint.h>

/// Called for pieces of a result seen as a matrix, rows `row` ..< + `rows` and columns `column` ..< + `columns`, on the thread that computed them, while they
/// are in cache. Pieces cover the result once.
typedef void (*apus_epilogue)(void *context, int64_t row, int64_t rows, int64_t column, int64_t columns);
#endif
