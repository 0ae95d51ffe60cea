// PNG files in memory, through libpng. Its errors, which jump, end here and come out as a status and a message.
#ifndef APUS_PNG_H
#define APUS_PNG_H

#include <stddef.h>
#include <stdint.h>

enum apus_png_code {
    APUS_PNG_OK = 0,
    /// The file says something that PNG does not allow, or a checksum is wrong.
    APUS_PNG_MALFORMED = 1,
    /// The bytes end before the image does.
    APUS_PNG_TRUNCATED = 2,
    APUS_PNG_NO_MEMORY = 3,
    /// The image has more pixels than may be read.
    APUS_PNG_TOO_LARGE = 4,
};

/// What an image holds once it is read: palettes are colours, and bits of less than a byte are bytes.
typedef struct {
    uint32_t width, height;
    /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
    int32_t channels;
    /// 8, or 16 in the machine's byte order.
    int32_t depth;
} apus_png_info;

typedef struct {
    int32_t status;
    char message[128];
} apus_png_status;

typedef struct apus_png_reader apus_png_reader;

/// Begins to read an image. The bytes must stay where they are. Null only where there is no memory.
apus_png_reader *apus_png_open(const uint8_t *bytes, size_t count);

/// Reads what is before the pixels. Once only. Of an image of more than `max_pixels`, which is too large, only the width and the height are
/// told, and no memory is taken for its rows.
apus_png_status apus_png_read_info(apus_png_reader *reader, uint64_t max_pixels, apus_png_info *info);

/// Reads the pixels, row by row without gaps, channels beside each other, and what is behind them. Once only, after the other.
apus_png_status apus_png_read_pixels(apus_png_reader *reader, uint8_t *pixels);

void apus_png_close(apus_png_reader *reader);

/// Writes pixels, laid out as they are read. On success `bytes` is memory to be freed by the caller.
apus_png_status apus_png_write(const apus_png_info *info, const uint8_t *pixels, int32_t compression, uint8_t **bytes, size_t *count);

#endif
