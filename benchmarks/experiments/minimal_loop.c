/* A minimal loop over onnxruntime's C API: one session, one input, its outputs preallocated, every call timed.
 *
 *   minimal_loop LIBRARY MODEL THREADS WARM_UP_S SECONDS INPUT OUTPUT DIMENSIONS...
 *
 * Prints the nanoseconds of each call after the warm-up, a line each. No package carries the API's header, so the
 * functions are taken from the table that OrtGetApiBase gives, by their places in it: the API's own promise is that
 * a place never changes. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void *status_t; /* NULL: it went well */
typedef struct {
    void *const *(*get_api)(uint32_t version);
    const char *(*version)(void);
} api_base_t;

enum { /* places in the table */
    GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_SESSION_OPTIONS = 10,
    SET_GRAPH_OPTIMIZATION_LEVEL = 23, SET_INTRA_OP_THREADS = 24, SET_INTER_OP_THREADS = 25,
    CREATE_TENSOR_WITH_DATA = 49, CREATE_CPU_MEMORY_INFO = 69, ADD_SESSION_CONFIG_ENTRY = 130
};
enum { API_VERSION = 16, WARNING = 2, ALL_OPTIMIZATIONS = 99, ARENA = 1, DEFAULT_MEMORY = 0, FLOAT = 1 };

static void *const *api;

static void check(status_t status) {
    if (status == NULL) return;
    fprintf(stderr, "%s\n", ((const char *(*)(status_t))api[GET_ERROR_MESSAGE])(status));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *make_options(int threads) {
    void *options;
    check(((status_t(*)(void **))api[CREATE_SESSION_OPTIONS])(&options));
    check(((status_t(*)(void *, int))api[SET_GRAPH_OPTIMIZATION_LEVEL])(options, ALL_OPTIMIZATIONS));
    check(((status_t(*)(void *, int))api[SET_INTRA_OP_THREADS])(options, threads));
    check(((status_t(*)(void *, int))api[SET_INTER_OP_THREADS])(options, 1));
    check(((status_t(*)(void *, const char *, const char *))api[ADD_SESSION_CONFIG_ENTRY])(
        options, "session.force_spinning_stop", "1"));
    return options;
}

static void *make_input(int count, char **sizes) {
    int64_t *shape = malloc(count * sizeof *shape), length = 1;
    for (int axis = 0; axis < count; axis++) length *= shape[axis] = atoll(sizes[axis]);
    float *data = malloc(length * sizeof *data);
    for (int64_t place = 0; place < length; place++) data[place] = (float)rand() / (float)RAND_MAX;
    void *memory, *value;
    check(((status_t(*)(int, int, void **))api[CREATE_CPU_MEMORY_INFO])(ARENA, DEFAULT_MEMORY, &memory));
    check(((status_t(*)(void *, void *, size_t, const int64_t *, size_t, int, void **))api[CREATE_TENSOR_WITH_DATA])(
        memory, data, length * sizeof *data, shape, count, FLOAT, &value));
    return value;
}

int main(int count, char **given) {
    if (count < 9) return fprintf(stderr, "expected LIBRARY MODEL THREADS WARM_UP_S SECONDS INPUT OUTPUT DIMENSIONS\n"), 2;
    void *library = dlopen(given[1], RTLD_NOW);
    if (library == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
    const api_base_t *(*base)(void) = (const api_base_t *(*)(void))dlsym(library, "OrtGetApiBase");
    if (base == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
    api = base()->get_api(API_VERSION);
    if (api == NULL) return fprintf(stderr, "the library has no version %d of the API\n", API_VERSION), 1;

    void *environment, *session, *input = make_input(count - 8, given + 8), *output = NULL;
    check(((status_t(*)(int, const char *, void **))api[CREATE_ENV])(WARNING, "minimal_loop", &environment));
    check(((status_t(*)(void *, const char *, void *, void **))api[CREATE_SESSION])(
        environment, given[2], make_options(atoi(given[3])), &session));
    const char *const inputs[] = {given[6]}, *const outputs[] = {given[7]};
    status_t (*run)(void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t, void **) =
        (status_t(*)(void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t,
                     void **))api[RUN];

    const int64_t warm = now_ns() + (int64_t)(1e9 * atof(given[4]));
    do check(run(session, NULL, inputs, &input, 1, outputs, 1, &output)); /* the first call makes the output */
    while (now_ns() < warm);

    const size_t most = 10 * 1000 * 1000;
    int64_t *samples = malloc(most * sizeof *samples), end = now_ns() + (int64_t)(1e9 * atof(given[5])), start;
    size_t taken = 0;
    do {
        start = now_ns();
        check(run(session, NULL, inputs, &input, 1, outputs, 1, &output));
        samples[taken++] = now_ns() - start;
    } while (now_ns() < end && taken < most);
    for (size_t place = 0; place < taken; place++) printf("%lld\n", (long long)samples[place]);
    return 0;
}
