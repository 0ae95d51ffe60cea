/// Apus in C: load exported programs (.pt2, .onnx) and run them.
///
/// Everything that can fail returns an `apus_result`, and describes what went wrong through its last argument, which may be null. Handles are opaque, belong to the
/// caller and are freed by the function of their kind; null may be freed. Texts that a function returns live as long as the handle they came from. A program may be
/// called from several threads at once; calls of one session, as of one tensor's writing, follow each other.
///
/// The library neither throws nor aborts across this border for anything that a caller or a file can do.
#ifndef APUS_H
#define APUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Grows when a function is added; a program compiled against one version runs with every later one of the same `APUS_ABI_MAJOR`.
#define APUS_ABI_MAJOR 1
#define APUS_ABI_MINOR 0

/// The version of the library that is running: major << 16 | minor.
uint32_t apus_abi_version(void);

typedef enum apus_result {
    APUS_RESULT_OK = 0,
    /// A null handle, a wrong count, an unknown name: a mistake of the caller's.
    APUS_RESULT_INVALID_ARGUMENT = 1,
    /// An input that the program does not take: its dtype, shape, or a size outside of the declared ranges.
    APUS_RESULT_INPUT_MISMATCH = 2,
    /// A file that can't be read, or is damaged.
    APUS_RESULT_FILE = 3,
    /// Something that Apus does not have.
    APUS_RESULT_UNSUPPORTED = 4,
    APUS_RESULT_OUT_OF_MEMORY = 5,
    /// An error while the program ran: a check of its own, an index out of range.
    APUS_RESULT_FAILED = 6,
} apus_result;

typedef struct apus_error apus_error;
typedef struct apus_program apus_program;
typedef struct apus_session apus_session;
typedef struct apus_tensor apus_tensor;

/// What went wrong, in words: the operator, shapes, dtypes, the file and the place in it.
const char *apus_error_message(const apus_error *error);
apus_result apus_error_result(const apus_error *error);
void apus_error_free(apus_error *error);

// MARK: Programs

typedef enum apus_weights { APUS_WEIGHTS_AS_SAVED = 0, APUS_WEIGHTS_BFLOAT16 = 1, APUS_WEIGHTS_INT8 = 2 } apus_weights;

/// `entry_point` names one of a file's programs; null for the only one, or the one called `model`.
apus_result apus_program_load(const char *path, const char *entry_point, apus_weights weights, apus_program **program, apus_error **error);
void apus_program_free(apus_program *program);

/// How many threads a call may use, the calling one included, from now on; 0 for as many as there are processors. Results have the same bits on any number.
void apus_set_thread_count(int32_t threads);

typedef enum apus_element_type {
    APUS_ELEMENT_BOOL = 0,
    APUS_ELEMENT_UINT8 = 1,
    APUS_ELEMENT_INT8 = 2,
    APUS_ELEMENT_INT16 = 3,
    APUS_ELEMENT_INT32 = 4,
    APUS_ELEMENT_INT64 = 5,
    APUS_ELEMENT_FLOAT16 = 6,
    APUS_ELEMENT_BFLOAT16 = 7,
    APUS_ELEMENT_FLOAT32 = 8,
    APUS_ELEMENT_FLOAT64 = 9,
    APUS_ELEMENT_COMPLEX64 = 10,
    APUS_ELEMENT_COMPLEX128 = 11,
} apus_element_type;

/// An input or output of a program.
typedef struct apus_value_info {
    const char *name;
    apus_element_type dtype;
    int32_t rank;
    /// `rank` sizes; -1 where a size is open. Then the symbol's name stands in `symbols`, or the expression of such, else null.
    const int64_t *sizes;
    const char *const *symbols;
    /// The least and the largest size that the program takes: equal to the size where it is not open, INT64_MAX where nothing bounds it.
    const int64_t *least, *largest;
} apus_value_info;

size_t apus_program_input_count(const apus_program *program);
size_t apus_program_output_count(const apus_program *program);
/// Null for a number that is too large. Numbers (not tensors) among inputs and outputs are tensors without dimensions here.
const apus_value_info *apus_program_input(const apus_program *program, size_t index);
const apus_value_info *apus_program_output(const apus_program *program, size_t index);

/// Runs the program. `outputs` has room for `output_count` handles, each of which is the caller's afterwards; an element that is not null on entry is the
/// caller's tensor for this output, made by `apus_tensor_wrap` without gaps: it must have the output's dtype and shape, and its memory gets the elements. Nothing is
/// written, and no handle made, when the call fails. A result's memory is its own: no input's, weight's or other result's.
apus_result apus_program_run(const apus_program *program, const apus_tensor *const *inputs, size_t input_count, apus_tensor **outputs, size_t output_count, apus_error **error);

// MARK: Sessions

/// One user's state of a program that has buffers (a cache): buffers of its own over shared weights, changed by its calls.
apus_result apus_session_create(const apus_program *program, apus_session **session, apus_error **error);
void apus_session_free(apus_session *session);
apus_result apus_session_run(apus_session *session, const apus_tensor *const *inputs, size_t input_count, apus_tensor **outputs, size_t output_count, apus_error **error);
/// Brings the buffers back to what they were.
void apus_session_reset(apus_session *session);

// MARK: Tensors

/// A copy of elements that lie in row-major order without gaps.
apus_result apus_tensor_copy(const void *data, apus_element_type dtype, int32_t rank, const int64_t *sizes, apus_tensor **tensor, apus_error **error);

/// A tensor over memory of the caller's, without a copy. `strides` are in elements, null for row-major order without gaps. `release` is called with `context` once, by
/// any thread, when the memory is not used any more; also where this fails. It may be null.
apus_result apus_tensor_wrap(void *data, apus_element_type dtype, int32_t rank, const int64_t *sizes, const int64_t *strides, void (*release)(void *context), void *context, apus_tensor **tensor, apus_error **error);
void apus_tensor_free(apus_tensor *tensor);

apus_element_type apus_tensor_dtype(const apus_tensor *tensor);
int32_t apus_tensor_rank(const apus_tensor *tensor);
const int64_t *apus_tensor_sizes(const apus_tensor *tensor);
/// The elements in row-major order without gaps. A tensor that was wrapped with other strides is copied once; null where there is no memory for that.
const void *apus_tensor_data(const apus_tensor *tensor);
size_t apus_tensor_byte_count(const apus_tensor *tensor);

// MARK: DLPack (version 0 and 1: `DLManagedTensor` and `DLManagedTensorVersioned` of dlpack.h)

struct DLManagedTensor;
struct DLManagedTensorVersioned;

/// Takes a tensor of another framework over, without a copy: its deleter is called when the memory is not used any more; also where this fails.
apus_result apus_tensor_from_dlpack(struct DLManagedTensor *managed, apus_tensor **tensor, apus_error **error);
apus_result apus_tensor_from_dlpack_versioned(struct DLManagedTensorVersioned *managed, apus_tensor **tensor, apus_error **error);
/// Hands a tensor on, without a copy. Who gets it calls its deleter. A tensor that came with the flag for what may not be written has it again, and no older form.
apus_result apus_tensor_to_dlpack(const apus_tensor *tensor, struct DLManagedTensor **managed, apus_error **error);
apus_result apus_tensor_to_dlpack_versioned(const apus_tensor *tensor, struct DLManagedTensorVersioned **managed, apus_error **error);

#ifdef __cplusplus
}
#endif
#endif
