#include "../support/lines.h"
#include "../pointwise/loops.h"
#include <stdatomic.h>

enum { GROUP = 16, GROUP_BYTES = 1 << 22 };

typedef struct {
    const apus_lines *lines;
    const apus_plan *plan; // all dimensions but the one of the lines
    int64_t length[APUS_LINE_OPERANDS], step[APUS_LINE_OPERANDS], bytes[APUS_LINE_OPERANDS];
    int64_t group, packed_bytes;
    _Atomic int status;
} job;

/// Whether an operand's lines are packed in memory already.
static bool is_packed(const job *j, int32_t k) { return j->step[k] == j->plan->item[k] || j->length[k] == 1; }

/// Works on `count` neighbouring lines that start at `data`.
static void run_group(const job *j, char *const *data, int64_t count, char *packed, char *scratch) {
    const apus_plan *p = j->plan;
    int32_t operands = j->lines->operands, inputs = j->lines->inputs, inner = p->rank - 1;
    char *start[APUS_LINE_OPERANDS];
    int64_t apart[APUS_LINE_OPERANDS];
    for (int32_t k = 0; k < operands; k++) {
        start[k] = packed;
        apart[k] = j->bytes[k];
        packed += j->group * j->bytes[k];
        if (is_packed(j, k)) {
            start[k] = data[k];
            apart[k] = inner < 0 ? 0 : p->strides[inner][k];
        } else if (k < inputs) {
            if (count > 1 && p->strides[inner][k] == p->item[k]) {
                apus_transpose(start[k], apart[k], data[k], j->step[k], count, j->length[k], p->item[k]);
            } else {
                for (int64_t i = 0; i < count; i++)
                    apus_move(start[k] + i * apart[k], p->item[k], data[k] + (inner < 0 ? 0 : i * p->strides[inner][k]), j->step[k], j->length[k], p->item[k]);
            }
        }
    }
    for (int64_t i = 0; i < count; i++) {
        char *line[APUS_LINE_OPERANDS];
        for (int32_t k = 0; k < operands; k++) line[k] = start[k] + i * apart[k];
        j->lines->function(j->lines->context, line, scratch);
    }
    for (int32_t k = inputs; k < operands; k++) {
        if (is_packed(j, k)) continue;
        if (count > 1 && p->strides[inner][k] == p->item[k]) {
            apus_transpose(data[k], j->step[k], start[k], apart[k], j->length[k], count, p->item[k]);
        } else {
            for (int64_t i = 0; i < count; i++)
                apus_move(data[k] + (inner < 0 ? 0 : i * p->strides[inner][k]), j->step[k], start[k] + i * apart[k], p->item[k], j->length[k], p->item[k]);
        }
    }
}

static void lines_range(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const apus_plan *p = j->plan;
    int32_t inner = p->rank - 1, outer = inner < 0 ? 0 : inner;
    int64_t width = inner < 0 ? 1 : p->sizes[inner], groups = (width - 1) / j->group + 1;
    char *memory = apus_allocate(j->packed_bytes + j->lines->scratch_bytes);
    if (!memory) {
        atomic_store_explicit(&j->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    for (int64_t g = begin; g < end; g++) {
        int64_t coordinates[APUS_MAX_RANK], offsets[APUS_PLAN_OPERANDS], first = g % groups * j->group;
        apus_plan_offsets(p, outer, g / groups, coordinates, offsets);
        char *data[APUS_LINE_OPERANDS];
        for (int32_t k = 0; k < j->lines->operands; k++) data[k] = p->data[k] + offsets[k] + (inner < 0 ? 0 : first * p->strides[inner][k]);
        run_group(j, data, APUS_MIN(j->group, width - first), memory, memory + j->packed_bytes);
    }
    apus_free(memory);
}

int apus_lines_run(const apus_lines *lines) {
    int32_t operands = lines->operands, dim = lines->dim;
    int64_t sizes[APUS_MAX_RANK], one = 1, length = 0;
    apus_view views[APUS_LINE_OPERANDS];
    const apus_view *pointers[APUS_LINE_OPERANDS];
    job j = {.lines = lines, .group = 1};
    for (int32_t k = 0; k < operands; k++) {
        views[k] = *lines->views[k];
        if (!apus_dtype_is_valid(views[k].dtype)) return APUS_UNSUPPORTED;
        if (views[k].rank == 0) {
            views[k].rank = 1;
            views[k].sizes = views[k].strides = &one;
        }
        if (views[k].rank > APUS_MAX_RANK) return APUS_RANK_TOO_HIGH;
        if (views[k].rank != views[0].rank || dim < 0 || dim >= views[k].rank) return APUS_INVALID_ARGUMENT;
        j.length[k] = views[k].sizes[dim];
        j.step[k] = views[k].strides[dim] * apus_dtype_size(views[k].dtype);
        length = APUS_MAX(length, j.length[k]);
        for (int32_t d = 0; d < views[k].rank; d++)
            if (d != dim && views[k].sizes[d] != views[0].sizes[d]) return APUS_INVALID_ARGUMENT;
    }
    memcpy(sizes, views[0].sizes, sizeof(int64_t) * (size_t)views[0].rank);
    sizes[dim] = 1;
    for (int32_t k = 0; k < operands; k++) {
        views[k].sizes = sizes;
        pointers[k] = &views[k];
    }
    apus_plan plan;
    int status = apus_plan_make(&plan, pointers, operands, true);
    if (status != APUS_OK || plan.count == 0 || length == 0) return status;
    j.plan = &plan;
    int64_t total = 0;
    bool against = false;
    for (int32_t k = 0; k < operands; k++) {
        j.bytes[k] = (j.length[k] * plan.item[k] + 63) / 64 * 64;
        if (is_packed(&j, k)) continue;
        total += j.bytes[k];
        against |= plan.rank > 0 && plan.strides[plan.rank - 1][k] == plan.item[k];
    }
    if (against) j.group = APUS_MAX(1, APUS_MIN(GROUP, GROUP_BYTES / total));
    for (int32_t k = 0; k < operands; k++) j.packed_bytes += j.group * j.bytes[k];
    int64_t width = plan.rank == 0 ? 1 : plan.sizes[plan.rank - 1], groups = (width - 1) / j.group + 1;
    apus_parallel_for(plan.count / width * groups, lines->grain / (length * j.group) + 1, lines_range, &j);
    return atomic_load_explicit(&j.status, memory_order_relaxed);
}
