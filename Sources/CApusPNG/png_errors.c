#include "png_errors.h"

#include <stdio.h>

void apus_png_fail(png_structp png, png_const_charp message) {
    apus_png_errors *errors = png_get_error_ptr(png);
    if (errors->status.status == APUS_PNG_OK) errors->status.status = APUS_PNG_MALFORMED;
    snprintf(errors->status.message, sizeof errors->status.message, "%s", message);
    longjmp(errors->jump, 1);
}

void apus_png_warn(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}
