#ifndef APUS_EPILOGUE_H
#define APUS_EPILOGUE_H
#include <stdint.h>

/// What is done with a piece of a two-dimensional result as soon as it has been computed, on the thread that computed it, while it is in cache: rows
/// `row` ..< `row + rows`, columns `column` ..< `column + columns` of it.
typedef void (*apus_epilogue)(void *context, int64_t row, int64_t rows, int64_t column, int64_t columns);
#endif
