// The public products: a level's kernel, after a look at the arguments.
#include "Kernels.h"

ingot_status ingot_product(const ingot_product_job *job, ingot_simd_level level) {
    if (job->first > job->last || job->target_stride < job->last || job->x_stride < job->columns
        || job->weight_stride < job->columns || job->panel == NULL
        || job->type < INGOT_WEIGHT_F32 || job->type > INGOT_WEIGHT_E4M3_AS_F16
        || (job->type >= INGOT_WEIGHT_E4M3 && (job->block_rows == 0 || job->block_columns == 0))) {
        return INGOT_BAD_ARGUMENT;
    }
    ingot_kernels_at(level)->product(job);
    return INGOT_OK;
}

ingot_status ingot_mix(const ingot_mix_job *job, ingot_simd_level level) {
    if (job->x_stride < job->count || job->rows_stride < job->width || job->target_stride < job->width
        || job->panel == NULL) {
        return INGOT_BAD_ARGUMENT;
    }
    ingot_kernels_at(level)->mix(job);
    return INGOT_OK;
}

ingot_status ingot_wide_product(const ingot_wide_job *job, ingot_simd_level level) {
    if (job->x_stride < job->columns || job->weight_stride < job->columns || job->target_stride < job->rows) {
        return INGOT_BAD_ARGUMENT;
    }
    ingot_kernels_at(level)->wide_product(job);
    return INGOT_OK;
}

void ingot_widen(const void *source, size_t count, float *target, ingot_simd_level level) {
    ingot_kernels_at(level)->widen(source, count, target);
}
