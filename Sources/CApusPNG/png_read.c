#include "apus_png.h"
#include "png_errors.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct apus_png_reader {
    png_structp png;
    png_infop info;
    apus_png_errors errors;
    const uint8_t *bytes;
    size_t rest;
    uint32_t height;
    int passes;
};

static void take_bytes(png_structp png, png_bytep target, size_t count) {
    apus_png_reader *reader = png_get_io_ptr(png);
    if (count > reader->rest) {
        reader->errors.status.status = APUS_PNG_TRUNCATED;
        png_error(png, "the file ends inside the image");
    }
    memcpy(target, reader->bytes, count);
    reader->bytes += count;
    reader->rest -= count;
}

apus_png_reader *apus_png_open(const uint8_t *bytes, size_t count) {
    apus_png_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->bytes = bytes;
    reader->rest = count;
    if (setjmp(reader->errors.jump)) {
        apus_png_close(reader);
        return NULL;
    }
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader->errors, apus_png_fail, apus_png_warn);
    if (reader->png) reader->info = png_create_info_struct(reader->png);
    if (!reader->info) {
        apus_png_close(reader);
        return NULL;
    }
    return reader;
}

apus_png_status apus_png_read_info(apus_png_reader *reader, uint64_t max_pixels, apus_png_info *info) {
    png_structp png = reader->png;
    if (setjmp(reader->errors.jump)) return reader->errors.status;
    png_set_read_fn(png, reader, take_bytes);
    // Whoever reads decides how large an image may be, once its size is known; texts and profiles beside it are of no use here.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png, 1 << 22);
    png_set_chunk_cache_max(png, 64);
    png_read_info(png, reader->info);
    info->width = png_get_image_width(png, reader->info);
    info->height = reader->height = png_get_image_height(png, reader->info);
    // Before rows are allocated, which a few bytes can say are of many gigabytes.
    if ((uint64_t)info->width * info->height > max_pixels) return (apus_png_status){APUS_PNG_TOO_LARGE, "more pixels than may be read"};
    png_set_expand(png);
    const uint16_t one = 1;
    if (*(const uint8_t *)&one == 1) png_set_swap(png);
    reader->passes = png_set_interlace_handling(png);
    png_read_update_info(png, reader->info);
    info->channels = png_get_channels(png, reader->info);
    info->depth = png_get_bit_depth(png, reader->info);
    return (apus_png_status){APUS_PNG_OK, ""};
}

apus_png_status apus_png_read_pixels(apus_png_reader *reader, uint8_t *pixels) {
    png_structp png = reader->png;
    if (setjmp(reader->errors.jump)) return reader->errors.status;
    const size_t stride = png_get_rowbytes(png, reader->info);
    for (int pass = 0; pass < reader->passes; ++pass) {
        for (uint32_t row = 0; row < reader->height; ++row) png_read_row(png, pixels + row * stride, NULL);
    }
    png_read_end(png, NULL);
    return (apus_png_status){APUS_PNG_OK, ""};
}

void apus_png_close(apus_png_reader *reader) {
    if (!reader) return;
    if (reader->png) png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}
