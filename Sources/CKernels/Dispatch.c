// Which SIMD levels this build and this processor have.
#include <stdatomic.h>

#include "Kernels.h"

int ingot_simd_available(ingot_simd_level level) {
    switch (level) {
    case INGOT_SIMD_PLAIN:
        return 1;
#if defined(__aarch64__)
    case INGOT_SIMD_NEON:
        return 1;
#elif defined(__x86_64__)
    case INGOT_SIMD_AVX2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case INGOT_SIMD_AVX512:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
        return 0;
    }
}

ingot_simd_level ingot_simd_best(void) {
    static _Atomic int decided = -1;  // two threads that race store the same answer
    int best = atomic_load_explicit(&decided, memory_order_relaxed);
    if (best < 0) {
        best = INGOT_SIMD_AVX512;
        while (!ingot_simd_available((ingot_simd_level)best)) {
            best -= 1;
        }
        atomic_store_explicit(&decided, best, memory_order_relaxed);
    }
    return (ingot_simd_level)best;
}

const ingot_kernels *ingot_kernels_at(ingot_simd_level level) {
    if (level != INGOT_SIMD_PLAIN && level <= ingot_simd_best() && ingot_simd_available(level)) {
        switch (level) {
#if defined(__aarch64__)
        case INGOT_SIMD_NEON:
            return &ingot_kernels_neon;
#elif defined(__x86_64__)
        case INGOT_SIMD_AVX2:
            return &ingot_kernels_avx2;
        case INGOT_SIMD_AVX512:
            return &ingot_kernels_avx512;
#endif
        default:
            break;
        }
    }
    return &ingot_kernels_plain;
}
