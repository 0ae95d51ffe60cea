// How libpng's errors come out of it, for reading and writing.
#ifndef APUS_PNG_ERRORS_H
#define APUS_PNG_ERRORS_H

#include "apus_png.h"

#include <png.h>
#include <setjmp.h>

typedef struct {
    jmp_buf jump;
    /// Set before an error is raised where it is known to be of a kind.
    apus_png_status status;
} apus_png_errors;

/// Notes the message and jumps back to where libpng was called.
PNG_NORETURN void apus_png_fail(png_structp png, png_const_charp message);

/// Warnings are of no use to anybody here.
void apus_png_warn(png_structp png, png_const_charp message);

#endif
