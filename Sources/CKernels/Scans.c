// Public scans: a level's kernel, no more.
#include "Kernels.h"

size_t ingot_first_non_finite(const void *source, ingot_source_type type, size_t count, ingot_simd_level level) {
    return ingot_kernels_at(level)->first_non_finite(source, type, count);
}

size_t ingot_first_nan_code(const uint8_t *codes, size_t count, ingot_simd_level level) {
    return ingot_kernels_at(level)->first_nan_code(codes, count);
}

int ingot_all_zero(const void *bytes, size_t count, ingot_simd_level level) {
    return ingot_kernels_at(level)->all_zero(bytes, count);
}
