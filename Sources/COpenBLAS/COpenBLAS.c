#include "COpenBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Numbers of cblas.h, the same in every BLAS since 1999.
enum { ROW_MAJOR = 101, AS_STORED = 111, TURNED = 112 };

static struct {
    void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
    void (*dgemm)(
        int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
    void (*sgemv)(int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
    void (*set_num_threads)(int);
    char *(*get_corename)(void);
} blas;

static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

extern char **environ;

static bool names(const char *entry, const char *assignment) {
    const size_t length = (size_t)(strchr(assignment, '=') - assignment) + 1;
    return strncmp(entry, assignment, length) == 0;
}

/// The environment with assignments before it and without those it had for the same names.
///
/// A copy that stands in for the other while the library is opened: `setenv` would move what other threads read.
static char **environment_with(const char *const *assignments, size_t count) {
    size_t size = 0;
    while (environ && environ[size]) size++;
    char **copy = calloc(size + count + 1, sizeof *copy);
    if (!copy) return NULL;
    size_t end = 0;
    for (; end < count; end++) copy[end] = (char *)assignments[end];
    for (size_t i = 0; i < size; i++) {
        bool stays = true;
        for (size_t j = 0; j < count; j++) stays = stays && !names(environ[i], assignments[j]);
        if (stays) copy[end++] = environ[i];
    }
    return copy;
}

/// Whether the SkylakeX kernels run here.
static bool has_avx512(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

static void *open_with_environment(const char *file) {
    // Our threads multiply; its own, one a processor, would only wait.
    const char *assignments[] = {"OPENBLAS_NUM_THREADS=1", "OPENBLAS_CORETYPE=SkylakeX"};
    // For processors with BF16 it takes the core Cooperlake: the same F32 kernels on blocks of 640 by 320, with which
    // large products are 2 % slower than with the 448 by 448 of SkylakeX (docs/decisions/0018).
    const size_t count = has_avx512() && !getenv("OPENBLAS_CORETYPE") ? 2 : 1;
    char **whole = environ, **copy = environment_with(assignments, count);
    if (copy) environ = copy;
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    // The copy stays: another thread may be reading it.
    if (copy) environ = whole;
    return library;
}

static void open_library(void) {
    static char message[512];
    const char *named = getenv("INGOT_OPENBLAS");
    const char *file = named && *named ? named : "libopenblas.so.0";
    void *library = open_with_environment(file);
    if (!library) {
        const char *error = dlerror();
        snprintf(message, sizeof message, "%s", error ? error : file);
        missing = message;
        return;
    }
    const struct { const char *name; void *place; } symbols[] = {
        {"cblas_sgemm", &blas.sgemm}, {"cblas_dgemm", &blas.dgemm}, {"cblas_sgemv", &blas.sgemv},
        {"openblas_set_num_threads", &blas.set_num_threads}, {"openblas_get_corename", &blas.get_corename},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol) {
            snprintf(message, sizeof message, "%s: no function %s", file, symbols[i].name);
            missing = message;
            return;
        }
        memcpy(symbols[i].place, &symbol, sizeof symbol);
    }
    // A build for OpenMP does not read OPENBLAS_NUM_THREADS.
    blas.set_num_threads(1);
}

static void need_library(void) {
    pthread_once(&once, open_library);
    if (!missing) return;
    fprintf(stderr, "OpenBLAS is needed and not there: %s\n", missing);
    abort();
}

const char *ingot_blas_missing(void) {
    pthread_once(&once, open_library);
    return missing;
}

const char *ingot_blas_core(void) {
    need_library();
    return blas.get_corename();
}

void ingot_blas_sgemm(
    bool a_turned, bool b_turned, int m, int n, int k, const float *a, int a_stride, const float *b, int b_stride,
    float scale, float *c, int c_stride) {
    need_library();
    blas.sgemm(
        ROW_MAJOR, a_turned ? TURNED : AS_STORED, b_turned ? TURNED : AS_STORED, m, n, k, 1, a, a_stride, b,
        b_stride, scale, c, c_stride);
}

void ingot_blas_dgemm(
    int m, int n, int k, const double *a, int a_stride, const double *b, int b_stride, double *c, int c_stride) {
    need_library();
    blas.dgemm(ROW_MAJOR, AS_STORED, TURNED, m, n, k, 1, a, a_stride, b, b_stride, 0, c, c_stride);
}

void ingot_blas_sgemv(int m, int k, const float *a, int stride, const float *x, float *y) {
    need_library();
    blas.sgemv(ROW_MAJOR, AS_STORED, m, k, 1, a, stride, x, 1, 0, y, 1);
}
