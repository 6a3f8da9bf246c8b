// Public measures: a level's loop, no more.
#include "Kernels.h"

float ingot_multiply_add(size_t rounds, ingot_simd_level level) {
    return ingot_kernels_at(level)->multiply_add(rounds);
}

uint64_t ingot_read(const void *bytes, size_t count, ingot_simd_level level) {
    return ingot_kernels_at(level)->read(bytes, count);
}
