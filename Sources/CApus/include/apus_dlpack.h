/// DLPack's structures, as its specification lays them out (https://dmlc.github.io/dlpack/latest/c_api.html); for Apus's own use, and not installed.
#ifndef APUS_DLPACK_H
#define APUS_DLPACK_H

#include <stdint.h>

enum { APUS_DLPACK_CPU = 1, APUS_DLPACK_INT = 0, APUS_DLPACK_UINT = 1, APUS_DLPACK_FLOAT = 2, APUS_DLPACK_BFLOAT = 4, APUS_DLPACK_COMPLEX = 5, APUS_DLPACK_BOOL = 6, APUS_DLPACK_READ_ONLY = 1 };

struct apus_dlpack_tensor {
    void *data;
    struct {
        int32_t type, number;
    } device;
    int32_t rank;
    struct {
        uint8_t code, bits;
        uint16_t lanes;
    } dtype;
    int64_t *sizes, *strides; // in elements; null strides: row-major without gaps
    uint64_t byte_offset;
};

struct DLManagedTensor {
    struct apus_dlpack_tensor tensor;
    void *context;
    void (*deleter)(struct DLManagedTensor *self);
};

struct DLManagedTensorVersioned {
    struct {
        uint32_t major, minor;
    } version;
    void *context;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;
    struct apus_dlpack_tensor tensor;
};
#endif
