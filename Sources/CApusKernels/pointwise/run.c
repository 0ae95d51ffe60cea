/// Runs register programs tile by tile.
#include "program.h"
#include <stdatomic.h>

enum { MIN_ROW = 128, REPEAT_TILE = 256, PIECE_BYTES = 32768 };
_Static_assert(PIECE_BYTES / APUS_PROGRAM_REGISTERS >= 64 + 4 * 16, "a tile of a piece must have elements");

/// Tiles cover consecutive row-major positions. Rows at least MIN_ROW long are cut into tiles of their own, so that strides are those of the
/// innermost dimension; shorter ones are packed into tiles.
typedef struct {
    const apus_program *program;
    const apus_plan *plan;
    int64_t row, tile, tiles_per_row, tiles;
    int64_t slot_bytes;
    /// Per operand: contiguous in memory over all positions, or one element for all.
    bool whole[APUS_PLAN_OPERANDS], scalar[APUS_PLAN_OPERANDS];
    /// One element for each row, where tiles stay within rows.
    bool repeats[APUS_PLAN_OPERANDS];
    /// An output's memory is also an input's: write it only when the tile is done.
    bool deferred;
    _Atomic int status;
} run;

/// Copies a tile's elements between memory (operand k) and a packed buffer.
static void transfer(const apus_plan *plan, int32_t k, int64_t start, int64_t length, char *packed, bool to_memory) {
    int64_t item = plan->item[k];
    if (plan->rank == 0) {
        if (to_memory) memcpy(plan->data[k], packed, (size_t)item);
        else memcpy(packed, plan->data[k], (size_t)item);
        return;
    }
    int32_t inner = plan->rank - 1;
    int64_t size = plan->sizes[inner], stride = plan->strides[inner][k];
    int64_t coordinates[APUS_MAX_RANK], column = start % size, rest = start / size, offset = column * stride;
    for (int32_t d = inner - 1; d >= 0; d--) {
        coordinates[d] = rest % plan->sizes[d];
        rest /= plan->sizes[d];
        offset += coordinates[d] * plan->strides[d][k];
    }
    while (length > 0) {
        int64_t n = APUS_MIN(size - column, length);
        char *memory = plan->data[k] + offset;
        if (to_memory) apus_move(memory, stride, packed, item, n, item);
        else apus_move(packed, item, memory, stride, n, item);
        packed += n * item;
        length -= n;
        offset -= column * stride;
        column = 0;
        for (int32_t d = inner - 1; d >= 0; d--) {
            if (++coordinates[d] < plan->sizes[d]) {
                offset += plan->strides[d][k];
                break;
            }
            coordinates[d] = 0;
            offset -= plan->strides[d][k] * (plan->sizes[d] - 1);
        }
    }
}

/// The address of a position where an operand's tile can be used in place, or null.
static char *in_place(const run *r, int32_t k, int64_t start, int64_t length) {
    const apus_plan *plan = r->plan;
    if (r->whole[k]) return plan->data[k] + start * plan->item[k];
    if (plan->rank == 0) return NULL;
    int32_t inner = plan->rank - 1;
    int64_t size = plan->sizes[inner];
    if (plan->strides[inner][k] != plan->item[k] || start % size + length > size) return NULL;
    int64_t offset = start % size * plan->item[k], rest = start / size;
    for (int32_t d = inner - 1; d >= 0; d--) {
        offset += rest % plan->sizes[d] * plan->strides[d][k];
        rest /= plan->sizes[d];
    }
    return plan->data[k] + offset;
}

/// `filled[k]` is the row whose repeated element operand k's register holds, or -1.
static int run_tile(const run *r, int64_t start, int64_t length, char *scratch, int64_t *filled) {
    const apus_program *p = r->program;
    char *at[APUS_PROGRAM_REGISTERS];
    for (int32_t i = 0; i < p->registers; i++) at[i] = scratch + p->slot[i] * r->slot_bytes;
    for (int32_t k = 0; k < p->inputs; k++) {
        if (r->scalar[k]) {
            if (filled[k] < 0) apus_repeat(at[k], r->plan->data[k], r->tile, r->plan->item[k]);
            filled[k] = 0;
            continue;
        }
        if (r->repeats[k]) {
            int64_t row = start / r->row;
            if (filled[k] != row) transfer(r->plan, k, row * r->row, r->tile, at[k], false);
            filled[k] = row;
            continue;
        }
        char *direct = in_place(r, k, start, length);
        if (direct) at[k] = direct;
        else transfer(r->plan, k, start, length, at[k], false);
    }
    bool written[APUS_MAX_OPERANDS] = {false};
    if (!r->deferred) {
        for (int32_t o = 0; o < p->outputs; o++) {
            int32_t reg = p->output_register[o];
            if (reg < p->inputs) continue;
            char *direct = in_place(r, p->inputs + o, start, length);
            if (!direct) continue;
            bool taken = false;
            for (int32_t e = 0; e < o; e++) taken |= written[e] && p->output_register[e] == reg;
            if (taken) continue;
            at[reg] = direct;
            written[o] = true;
        }
    }
    for (int32_t s = 0; s < p->steps; s++) {
        const apus_step *step = &p->step[s];
        int status = step->loop(at[step->out], at[step->a], step->b < 0 ? NULL : at[step->b], step->c < 0 ? NULL : at[step->c], length, &step->params);
        if (status != APUS_OK) return status;
    }
    for (int32_t o = 0; o < p->outputs; o++)
        if (!written[o]) transfer(r->plan, p->inputs + o, start, length, at[p->output_register[o]], true);
    return APUS_OK;
}

static void run_range(void *context, int64_t begin, int64_t end) {
    run *r = context;
    _Alignas(64) char small[16384];
    int64_t bytes = r->program->slots * r->slot_bytes;
    char *scratch = bytes <= (int64_t)sizeof small ? small : apus_allocate(bytes);
    if (!scratch) {
        atomic_store_explicit(&r->status, APUS_OUT_OF_MEMORY, memory_order_relaxed);
        return;
    }
    int status = APUS_OK;
    int64_t filled[APUS_MAX_OPERANDS];
    for (int32_t k = 0; k < r->program->inputs; k++) filled[k] = -1;
    for (int64_t t = begin; t < end && status == APUS_OK; t++) {
        int64_t column = t % r->tiles_per_row * r->tile;
        int64_t start = t / r->tiles_per_row * r->row + column;
        status = run_tile(r, start, APUS_MIN(r->tile, r->row - column), scratch, filled);
    }
    if (status != APUS_OK) atomic_store_explicit(&r->status, status, memory_order_relaxed);
    if (scratch != small) apus_free(scratch);
}

static bool is_whole(const apus_plan *plan, int32_t k) {
    int64_t expected = plan->item[k];
    for (int32_t d = plan->rank - 1; d >= 0; d--) {
        if (plan->strides[d][k] != expected) return false;
        expected *= plan->sizes[d];
    }
    return true;
}

/// What does not depend on the positions: how each operand lies in memory.
static bool survey(run *r) {
    const apus_program *program = r->program;
    const apus_plan *plan = r->plan;
    bool all_whole = true;
    for (int32_t k = 0; k < plan->operands; k++) {
        r->whole[k] = is_whole(plan, k);
        r->scalar[k] = true;
        for (int32_t d = 0; d < plan->rank; d++) r->scalar[k] &= plan->strides[d][k] == 0;
        if (k < program->inputs && plan->rank > 0) r->whole[k] &= !r->scalar[k];
        all_whole &= r->whole[k] || (r->scalar[k] && k < program->inputs);
    }
    for (int32_t o = 0; o < program->outputs; o++)
        for (int32_t k = 0; k < program->inputs; k++)
            r->deferred |= program->steps > 1 && program->outputs > 1 && plan->data[program->inputs + o] == plan->data[k];
    return all_whole;
}

static int64_t widest_element(const apus_program *program) {
    int64_t widest = 1;
    for (int32_t i = 0; i < program->registers; i++) widest = APUS_MAX(widest, apus_dtype_size(program->dtype[i]));
    return widest;
}

/// Chooses tiles for rows of `length` elements, of which a tile is a part.
static void cut(run *r, int64_t length, bool keeps_rows, int64_t limit) {
    const apus_program *program = r->program;
    const apus_plan *plan = r->plan;
    r->tile = APUS_MIN(length, limit);
    for (int32_t k = 0; k < program->inputs && keeps_rows; k++) {
        r->repeats[k] = !r->scalar[k] && plan->strides[plan->rank - 1][k] == 0;
        if (r->repeats[k]) r->tile = APUS_MIN(r->tile, REPEAT_TILE); // filled once for several tiles of a row
    }
    r->tiles_per_row = (length - 1) / r->tile + 1;
    r->slot_bytes = (r->tile * widest_element(program) + 63) / 64 * 64;
}

int apus_run_program(const apus_program *program, const apus_plan *plan) {
    if (plan->count == 0) return APUS_OK;
    run r = {.program = program, .plan = plan};
    bool all_whole = survey(&r);
    int64_t inner = plan->rank > 0 ? plan->sizes[plan->rank - 1] : 1;
    r.row = all_whole || inner < MIN_ROW ? plan->count : inner;
    cut(&r, r.row, r.row != plan->count, APUS_TILE);
    r.tiles = plan->count / r.row * r.tiles_per_row;
    int64_t work = program->steps + plan->operands;
    int64_t elements = (program->is_costly ? 16384 : 65536) / work + 1;
    apus_parallel_for(r.tiles, elements / r.tile + 1, run_range, &r);
    return atomic_load_explicit(&r.status, memory_order_relaxed);
}

void apus_program_run_piece(const apus_program *program, const apus_plan *plan, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    _Alignas(64) char scratch[PIECE_BYTES];
    run r = {.program = program, .plan = plan};
    // Whole rows that lie together are one long row.
    if (survey(&r) && columns == plan->sizes[1]) {
        column += row * columns;
        columns *= rows;
        row = 0;
        rows = 1;
    }
    r.row = plan->sizes[1];
    // All registers fit, so that no piece can fail: with the most registers and the widest elements a tile still has four.
    int64_t fits = (PIECE_BYTES / program->slots - 64) / widest_element(program);
    cut(&r, columns, true, APUS_MIN(APUS_TILE, fits));
    int64_t filled[APUS_MAX_OPERANDS];
    for (int32_t k = 0; k < program->inputs; k++) filled[k] = -1;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t t = 0; t < columns; t += r.tile)
            run_tile(&r, (row + i) * r.row + column + t, APUS_MIN(r.tile, columns - t), scratch, filled);
}
