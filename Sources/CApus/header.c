#include "apus.h"
#include "apus_dlpack.h"
