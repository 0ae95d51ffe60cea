/// Loads a program, says what it takes and gives, and runs it on zeros: of the least size wherever a size is open.
///
///     cc run.c -o run $(pkg-config --cflags --libs apus) && ./run model.pt2
#include <apus.h>
#include <stdio.h>
#include <stdlib.h>

static void check(apus_result result, apus_error *error) {
    if (result == APUS_RESULT_OK) return;
    fprintf(stderr, "error %d: %s\n", result, apus_error_message(error));
    apus_error_free(error);
    exit(1);
}

static void print(const char *kind, const apus_value_info *info) {
    printf("%s %s: type %d, [", kind, info->name, info->dtype);
    for (int32_t d = 0; d < info->rank; d++) {
        if (d > 0) printf(", ");
        if (info->sizes[d] >= 0) printf("%lld", (long long)info->sizes[d]);
        else if (info->largest[d] == INT64_MAX) printf("%s >= %lld", info->symbols[d], (long long)info->least[d]);
        else printf("%s in %lld...%lld", info->symbols[d], (long long)info->least[d], (long long)info->largest[d]);
    }
    printf("]\n");
}

/// A tensor of zeros; calloc's memory is given back when the library no longer uses it.
static apus_tensor *zeros(const apus_value_info *info) {
    size_t count = 1;
    for (int32_t d = 0; d < info->rank; d++) count *= (size_t)info->least[d];
    void *memory = calloc(count + 1, 16);
    apus_tensor *tensor = NULL;
    apus_error *error = NULL;
    check(apus_tensor_wrap(memory, info->dtype, info->rank, info->least, NULL, free, memory, &tensor, &error), error);
    return tensor;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: %s model.pt2\n", arguments[0]);
        return 2;
    }
    apus_program *program = NULL;
    apus_error *error = NULL;
    check(apus_program_load(arguments[1], NULL, APUS_WEIGHTS_AS_SAVED, &program, &error), error);

    size_t inputs = apus_program_input_count(program), outputs = apus_program_output_count(program);
    apus_tensor **given = calloc(inputs + 1, sizeof *given), **results = calloc(outputs + 1, sizeof *results);
    for (size_t i = 0; i < inputs; i++) {
        print("input", apus_program_input(program, i));
        given[i] = zeros(apus_program_input(program, i));
    }
    for (size_t i = 0; i < outputs; i++) print("output", apus_program_output(program, i));

    check(apus_program_run(program, (const apus_tensor *const *)given, inputs, results, outputs, &error), error);
    for (size_t i = 0; i < outputs; i++) {
        printf("result %zu:", i);
        for (int32_t d = 0; d < apus_tensor_rank(results[i]); d++) printf(" %lld", (long long)apus_tensor_sizes(results[i])[d]);
        printf(", %zu bytes\n", apus_tensor_byte_count(results[i]));
        apus_tensor_free(results[i]);
    }
    for (size_t i = 0; i < inputs; i++) apus_tensor_free(given[i]);
    free(given);
    free(results);
    apus_program_free(program);
    return 0;
}
