/// Calls every function of the C library as it should be called, and as it should not. Prints "passed" at the end; otherwise what was expected.
///
///     calls FOLDER     where two.pt2 (x: float32[n in 1...8, 3] -> 2 x, sum x, n) and counter.pt2 (adds x to a buffer, which it gives) lie
#include "apus.h"
#include "apus_dlpack.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                                                                                      \
    do {                                                                                                                                       \
        if (!(condition)) {                                                                                                                    \
            printf("line %d: %s\n", __LINE__, #condition);                                                                                     \
            exit(1);                                                                                                                           \
        }                                                                                                                                      \
    } while (0)

/// The call fails so, and says this.
#define EXPECT_FAILURE(call, result, text)                                                                                                     \
    do {                                                                                                                                       \
        apus_error *error = NULL;                                                                                                              \
        apus_result got = (call);                                                                                                              \
        if (got != (result) || !error || apus_error_result(error) != (result) || !strstr(apus_error_message(error), text)) {                   \
            printf("line %d: %d, %s\n", __LINE__, got, error ? apus_error_message(error) : "no error");                                        \
            exit(1);                                                                                                                           \
        }                                                                                                                                      \
        apus_error_free(error);                                                                                                                \
    } while (0)

static atomic_int released;
static void count_release(void *context) {
    (void)context;
    released++;
}

static apus_tensor *wrap(float *data, int64_t rows, int64_t columns, const int64_t *strides) {
    apus_tensor *tensor = NULL;
    int64_t sizes[2] = {rows, columns};
    EXPECT(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 2, sizes, strides, count_release, NULL, &tensor, NULL) == APUS_RESULT_OK);
    return tensor;
}

static void tensors(void) {
    float data[6] = {1, 2, 3, 4, 5, 6};
    int64_t sizes[2] = {2, 3}, across[2] = {1, 2}, negative[2] = {-1, 1}, far[2] = {INT64_MAX / 2, 1}, wrong[2] = {-2, 3}, huge[2] = {INT64_MAX / 2, 4};
    released = 0;
    apus_tensor *x = wrap(data, 2, 3, NULL);
    EXPECT(apus_tensor_rank(x) == 2 && apus_tensor_sizes(x)[1] == 3 && apus_tensor_dtype(x) == APUS_ELEMENT_FLOAT32);
    EXPECT(apus_tensor_data(x) == data && apus_tensor_byte_count(x) == sizeof data);
    apus_tensor_free(x);
    EXPECT(released == 1);
    x = wrap(data, 2, 3, across);
    const float *dense = apus_tensor_data(x);
    EXPECT(dense != data && dense[0] == 1 && dense[1] == 3 && dense[3] == 2);
    apus_tensor_free(x);
    EXPECT(released == 2);
    // Memory is given back where nothing came of it, too.
    EXPECT_FAILURE(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 2, sizes, negative, count_release, NULL, &x, &error), APUS_RESULT_UNSUPPORTED, "strides");
    EXPECT_FAILURE(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 2, sizes, far, count_release, NULL, &x, &error), APUS_RESULT_INVALID_ARGUMENT, "strides");
    EXPECT_FAILURE(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 2, wrong, NULL, count_release, NULL, &x, &error), APUS_RESULT_INVALID_ARGUMENT, "-2");
    EXPECT_FAILURE(apus_tensor_wrap(NULL, APUS_ELEMENT_FLOAT32, 2, sizes, NULL, count_release, NULL, &x, &error), APUS_RESULT_INVALID_ARGUMENT, "null");
    EXPECT_FAILURE(apus_tensor_wrap(data, 77, 2, sizes, NULL, count_release, NULL, &x, &error), APUS_RESULT_INVALID_ARGUMENT, "77");
    EXPECT_FAILURE(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 900, sizes, NULL, count_release, NULL, &x, &error), APUS_RESULT_INVALID_ARGUMENT, "900");
    EXPECT_FAILURE(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 2, sizes, NULL, count_release, NULL, NULL, &error), APUS_RESULT_INVALID_ARGUMENT, "null");
    EXPECT(released == 9);
    { apus_error *error = NULL; EXPECT(apus_tensor_copy(data, APUS_ELEMENT_FLOAT32, 2, huge, &x, &error) != APUS_RESULT_OK && error); apus_error_free(error); }
    int64_t vast[2] = {INT64_C(1) << 32, INT64_C(1) << 32}, vast_steps[2] = {INT64_C(1) << 32, 1};
    apus_error *refusal = NULL;
    EXPECT(apus_tensor_wrap(data, APUS_ELEMENT_FLOAT32, 2, vast, vast_steps, NULL, NULL, &x, &refusal) != APUS_RESULT_OK && refusal);
    apus_error_free(refusal);
    uint8_t truths[6] = {0, 1, 2, 0, 1, 1};
    EXPECT_FAILURE(apus_tensor_copy(truths, APUS_ELEMENT_BOOL, 2, sizes, &x, &error), APUS_RESULT_INVALID_ARGUMENT, "0 or 1");
    // No place for the error, no tensor at all.
    EXPECT(apus_tensor_copy(NULL, APUS_ELEMENT_FLOAT32, 2, sizes, &x, NULL) == APUS_RESULT_INVALID_ARGUMENT);
    EXPECT(apus_tensor_rank(NULL) == 0 && !apus_tensor_data(NULL) && !apus_error_message(NULL));
    apus_tensor_free(NULL), apus_program_free(NULL), apus_session_free(NULL), apus_error_free(NULL);
}

static void dlpack(void) {
    float data[6] = {1, 2, 3, 4, 5, 6};
    released = 0;
    apus_tensor *x = wrap(data, 3, 2, NULL), *y = NULL, *z = NULL;
    struct DLManagedTensor *managed = NULL;
    struct DLManagedTensorVersioned *versioned = NULL;
    EXPECT(apus_tensor_to_dlpack(x, &managed, NULL) == APUS_RESULT_OK && apus_tensor_to_dlpack_versioned(x, &versioned, NULL) == APUS_RESULT_OK);
    EXPECT(managed->tensor.rank == 2 && managed->tensor.sizes[0] == 3 && managed->tensor.strides[0] == 2 && managed->tensor.data == data);
    EXPECT(versioned->version.major == 1 && versioned->flags == 0 && versioned->tensor.dtype.bits == 32);
    apus_tensor_free(x);
    EXPECT(released == 0);
    EXPECT(apus_tensor_from_dlpack(managed, &y, NULL) == APUS_RESULT_OK && apus_tensor_from_dlpack_versioned(versioned, &z, NULL) == APUS_RESULT_OK);
    EXPECT(apus_tensor_data(y) == data && apus_tensor_data(z) == data);
    apus_tensor_free(y);
    EXPECT(released == 0);
    apus_tensor_free(z);
    EXPECT(released == 1);
    // What may not be written stays so.
    x = wrap(data, 3, 2, NULL);
    EXPECT(apus_tensor_to_dlpack_versioned(x, &versioned, NULL) == APUS_RESULT_OK);
    apus_tensor_free(x);
    versioned->flags = APUS_DLPACK_READ_ONLY;
    EXPECT(apus_tensor_from_dlpack_versioned(versioned, &x, NULL) == APUS_RESULT_OK);
    EXPECT_FAILURE(apus_tensor_to_dlpack(x, &managed, &error), APUS_RESULT_UNSUPPORTED, "written");
    apus_tensor_free(x);
    EXPECT(released == 2);
    released = 1;
    // A tensor that lies elsewhere is refused, and given back.
    x = wrap(data, 3, 2, NULL);
    EXPECT(apus_tensor_to_dlpack(x, &managed, NULL) == APUS_RESULT_OK);
    apus_tensor_free(x);
    managed->tensor.device.type = 2;
    EXPECT_FAILURE(apus_tensor_from_dlpack(managed, &y, &error), APUS_RESULT_UNSUPPORTED, "device");
    EXPECT(released == 2);
}

static void program(const char *path) {
    apus_program *program = NULL;
    EXPECT_FAILURE(apus_program_load("/no/such/file.pt2", NULL, 0, &program, &error), APUS_RESULT_FILE, "file.pt2");
    EXPECT_FAILURE(apus_program_load(path, "other", 0, &program, &error), APUS_RESULT_FILE, "other");
    EXPECT_FAILURE(apus_program_load(path, NULL, 9, &program, &error), APUS_RESULT_INVALID_ARGUMENT, "9");
    EXPECT_FAILURE(apus_program_load(NULL, NULL, 0, &program, &error), APUS_RESULT_INVALID_ARGUMENT, "path");
    EXPECT(apus_program_load(path, NULL, APUS_WEIGHTS_AS_SAVED, &program, NULL) == APUS_RESULT_OK);
    EXPECT(apus_program_input_count(program) == 1 && apus_program_output_count(program) == 3);
    const apus_value_info *input = apus_program_input(program, 0);
    EXPECT(strcmp(input->name, "x") == 0 && input->rank == 2 && input->sizes[0] == -1 && input->sizes[1] == 3);
    EXPECT(input->least[0] == 1 && input->largest[0] == 8 && input->least[1] == 3 && input->symbols[0] && !input->symbols[1]);
    EXPECT(!apus_program_input(program, 1) && !apus_program_output(program, 3) && !apus_program_input(NULL, 0));
    EXPECT(apus_program_output(program, 2)->rank == 0 && apus_program_output(program, 2)->dtype == APUS_ELEMENT_INT64);

    float data[6] = {1, 2, 3, 4, 5, 6}, into[6] = {0}, large[27] = {0};
    apus_tensor *x = wrap(data, 2, 3, NULL), *results[3] = {NULL}, *place = wrap(into, 2, 3, NULL), *nine = wrap(large, 9, 3, NULL), *narrow = wrap(data, 3, 2, NULL);
    const apus_tensor *given[2] = {x, x};
    EXPECT(apus_program_run(program, given, 1, results, 3, NULL) == APUS_RESULT_OK);
    EXPECT(((const float *)apus_tensor_data(results[0]))[5] == 12 && *(const float *)apus_tensor_data(results[1]) == 21 && *(const int64_t *)apus_tensor_data(results[2]) == 2);
    for (int i = 0; i < 3; i++) apus_tensor_free(results[i]), results[i] = NULL;
    results[0] = place;
    EXPECT(apus_program_run(program, given, 1, results, 3, NULL) == APUS_RESULT_OK && results[0] == place && into[0] == 2 && into[5] == 12);
    for (int i = 1; i < 3; i++) apus_tensor_free(results[i]), results[i] = NULL;
    // What does not fit leaves no handle and writes nothing.
    into[0] = -1, results[0] = narrow;
    EXPECT_FAILURE(apus_program_run(program, given, 1, results, 3, &error), APUS_RESULT_INVALID_ARGUMENT, "output 0");
    EXPECT(!results[1] && !results[2]);
    results[0] = NULL;
    given[0] = nine;
    EXPECT_FAILURE(apus_program_run(program, given, 1, results, 3, &error), APUS_RESULT_INPUT_MISMATCH, "8");
    given[0] = narrow;
    EXPECT_FAILURE(apus_program_run(program, given, 1, results, 3, &error), APUS_RESULT_INPUT_MISMATCH, "x");
    given[0] = NULL;
    EXPECT_FAILURE(apus_program_run(program, given, 1, results, 3, &error), APUS_RESULT_INVALID_ARGUMENT, "input 0");
    given[0] = x;
    EXPECT_FAILURE(apus_program_run(program, given, 2, results, 3, &error), APUS_RESULT_INPUT_MISMATCH, "2");
    EXPECT_FAILURE(apus_program_run(program, given, SIZE_MAX, results, 3, &error), APUS_RESULT_INVALID_ARGUMENT, "count");
    EXPECT_FAILURE(apus_program_run(program, given, 1, results, 2, &error), APUS_RESULT_INVALID_ARGUMENT, "3 results");
    EXPECT_FAILURE(apus_program_run(NULL, given, 1, results, 3, &error), APUS_RESULT_INVALID_ARGUMENT, "program");
    apus_tensor_free(x), apus_tensor_free(place), apus_tensor_free(nine), apus_tensor_free(narrow);
    apus_program_free(program);
}

static void *call_often(void *program) {
    for (int round = 0; round < 200; round++) {
        float data[24];
        int64_t rows = 1 + round % 8;
        for (int i = 0; i < 24; i++) data[i] = (float)(i + round);
        apus_tensor *x = wrap(data, rows, 3, NULL), *results[3] = {NULL};
        const apus_tensor *given[1] = {x};
        EXPECT(apus_program_run(program, given, 1, results, 3, NULL) == APUS_RESULT_OK);
        EXPECT(((const float *)apus_tensor_data(results[0]))[rows * 3 - 1] == 2 * data[rows * 3 - 1]);
        for (int i = 0; i < 3; i++) apus_tensor_free(results[i]);
        apus_tensor_free(x);
    }
    return NULL;
}

static void threads(const char *path) {
    apus_program *program = NULL;
    EXPECT(apus_program_load(path, NULL, APUS_WEIGHTS_AS_SAVED, &program, NULL) == APUS_RESULT_OK);
    pthread_t own[4];
    for (int i = 0; i < 4; i++) EXPECT(pthread_create(&own[i], NULL, call_often, program) == 0);
    for (int i = 0; i < 4; i++) pthread_join(own[i], NULL);
    apus_program_free(program);
}

static float call_session(apus_session *session, float value) {
    apus_tensor *x = NULL, *results[1] = {NULL};
    EXPECT(apus_tensor_copy(&value, APUS_ELEMENT_FLOAT32, 0, NULL, &x, NULL) == APUS_RESULT_OK);
    const apus_tensor *given[1] = {x};
    EXPECT(apus_session_run(session, given, 1, results, 1, NULL) == APUS_RESULT_OK);
    float result = *(const float *)apus_tensor_data(results[0]);
    apus_tensor_free(x), apus_tensor_free(results[0]);
    return result;
}

static void sessions(const char *path) {
    apus_program *program = NULL;
    apus_session *a = NULL, *b = NULL;
    EXPECT(apus_program_load(path, NULL, APUS_WEIGHTS_AS_SAVED, &program, NULL) == APUS_RESULT_OK);
    EXPECT(apus_session_create(program, &a, NULL) == APUS_RESULT_OK && apus_session_create(program, &b, NULL) == APUS_RESULT_OK);
    apus_program_free(program);
    EXPECT(call_session(a, 1) == 1 && call_session(a, 2) == 3 && call_session(b, 5) == 5 && call_session(a, 4) == 7);
    apus_session_reset(a);
    EXPECT(call_session(a, 1) == 1 && call_session(b, 5) == 10);
    EXPECT_FAILURE(apus_session_run(a, NULL, 1, NULL, 1, &error), APUS_RESULT_INVALID_ARGUMENT, "null");
    EXPECT_FAILURE(apus_session_create(NULL, &a, &error), APUS_RESULT_INVALID_ARGUMENT, "program");
    apus_session_free(a), apus_session_free(b);
}

int main(int count, char **arguments) {
    char two[4096], counter[4096];
    EXPECT(count == 2 && apus_abi_version() >> 16 == APUS_ABI_MAJOR);
    snprintf(two, sizeof two, "%s/two.pt2", arguments[1]);
    snprintf(counter, sizeof counter, "%s/counter.pt2", arguments[1]);
    apus_set_thread_count(2);
    tensors();
    dlpack();
    program(two);
    threads(two);
    sessions(counter);
    printf("passed\n");
    return 0;
}
