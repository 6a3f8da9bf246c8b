// Walks a strip of encoded blocks row by row.
#include "Kernels.h"

ingot_status ingot_decode(const ingot_decode_job *job, ingot_simd_level level) {
    if (job->block_rows == 0 || job->block_columns == 0 || job->codes_stride < job->columns
        || job->target_stride < job->columns
        || job->scales_stride < job->columns / job->block_columns + (job->columns % job->block_columns != 0)
        || (job->type != INGOT_TARGET_BF16 && job->type != INGOT_TARGET_F32)) {
        return INGOT_BAD_ARGUMENT;
    }
    const ingot_kernels *kernels = ingot_kernels_at(level);
    const size_t size = job->type == INGOT_TARGET_F32 ? 4 : 2;
    for (size_t row = 0; row < job->rows; row += 1) {
        const uint8_t *codes = job->codes + row * job->codes_stride;
        uint8_t *target = (uint8_t *)job->target + row * job->target_stride * size;
        const float *scale = job->scales + row / job->block_rows * job->scales_stride;
        for (size_t column = 0; column < job->columns; scale += 1) {
            size_t left = job->columns - column;
            size_t count = left < job->block_columns ? left : job->block_columns;
            // A NaN's payload could carry into the sign when it is rounded to BF16: take a plain one.
            float factor = *scale == *scale ? *scale : __builtin_nanf("");
            kernels->decode_row(codes + column, count, factor, target + column * size, job->type);
            column += count;
        }
    }
    return INGOT_OK;
}
