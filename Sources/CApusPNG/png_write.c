#include "apus_png.h"
#include "png_errors.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    png_structp png;
    png_infop info;
    apus_png_errors errors;
    uint8_t *bytes;
    size_t count, room;
} writer;

static void put_bytes(png_structp png, png_bytep source, size_t count) {
    writer *out = png_get_io_ptr(png);
    if (count > out->room - out->count) {
        const size_t room = 2 * out->room > out->count + count ? 2 * out->room : out->count + count;
        uint8_t *larger = realloc(out->bytes, room);
        if (!larger) {
            out->errors.status.status = APUS_PNG_NO_MEMORY;
            png_error(png, "no memory for the file");
        }
        out->bytes = larger;
        out->room = room;
    }
    memcpy(out->bytes + out->count, source, count);
    out->count += count;
}

static void flush_nothing(png_structp png) { (void)png; }

static const int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};

/// Jumps to `out->errors.jump` where something goes wrong.
static void write_all(writer *out, const apus_png_info *info, const uint8_t *pixels, int32_t compression) {
    png_structp png = out->png;
    png_set_write_fn(png, out, put_bytes, flush_nothing);
    // Sizes are the caller's own.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, compression);
    png_set_IHDR(
        png, out->info, info->width, info->height, info->depth, color_types[info->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
        PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, out->info);
    const uint16_t one = 1;
    if (info->depth == 16 && *(const uint8_t *)&one == 1) png_set_swap(png);
    const size_t stride = (size_t)info->width * (size_t)info->channels * (size_t)(info->depth / 8);
    for (uint32_t row = 0; row < info->height; ++row) png_write_row(png, pixels + row * stride);
    png_write_end(png, NULL);
}

apus_png_status apus_png_write(const apus_png_info *info, const uint8_t *pixels, int32_t compression, uint8_t **bytes, size_t *count) {
    const apus_png_status no_memory = {APUS_PNG_NO_MEMORY, "no memory to write an image"};
    writer *out = calloc(1, sizeof *out);
    if (!out) return no_memory;
    apus_png_status status = no_memory;
    if (setjmp(out->errors.jump) == 0) {
        out->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &out->errors, apus_png_fail, apus_png_warn);
        if (out->png) out->info = png_create_info_struct(out->png);
        if (out->info) {
            write_all(out, info, pixels, compression);
            status = out->errors.status;
        }
    } else {
        status = out->errors.status;
    }
    if (out->png) png_destroy_write_struct(&out->png, &out->info);
    if (status.status == APUS_PNG_OK) {
        *bytes = out->bytes;
        *count = out->count;
    } else {
        free(out->bytes);
    }
    free(out);
    return status;
}
