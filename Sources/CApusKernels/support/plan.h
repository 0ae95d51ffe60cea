/// Walks over several views of the same sizes at once.
#ifndef APUS_PLAN_H
#define APUS_PLAN_H
#include "internal.h"

enum { APUS_PLAN_OPERANDS = 2 * APUS_MAX_OPERANDS };

/// Dimensions shared by `operands` views, outermost first, neighbours merged where every operand allows it. Strides count bytes.
typedef struct apus_plan {
    int32_t rank;
    int32_t operands;
    int64_t count;
    int64_t sizes[APUS_MAX_RANK];
    int64_t strides[APUS_MAX_RANK][APUS_PLAN_OPERANDS];
    char *data[APUS_PLAN_OPERANDS];
    int32_t dtypes[APUS_PLAN_OPERANDS];
    int64_t item[APUS_PLAN_OPERANDS];
} apus_plan;

/// Builds a plan over `views`; the last view gives the sizes (rank 0 views are scalars). `reorder` lets dimensions be walked in the order of the last
/// view's strides instead of its own.
int apus_plan_make(apus_plan *plan, const apus_view *const *views, int32_t count, bool reorder);

/// The same over matrices, whose two dimensions stay as they are: what a caller counts rows and columns in.
int apus_plan_make_matrix(apus_plan *plan, const apus_view *const *views, int32_t count);

/// Byte offsets of every operand at the row-major position `index` of the dimensions 0 ..< `rank`.
void apus_plan_offsets(const apus_plan *plan, int32_t rank, int64_t index, int64_t *coordinates, int64_t *offsets);
/// Steps to the next position of dimensions 0 ..< `rank`.
void apus_plan_next(const apus_plan *plan, int32_t rank, int64_t *coordinates, int64_t *offsets);
#endif
