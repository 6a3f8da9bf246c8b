// The public product: a level's kernel, after a look at the arguments.
#include "Kernels.h"

ingot_status ingot_product(const ingot_product_job *job, ingot_simd_level level) {
    if (job->first > job->last || job->target_stride < job->last || job->x_stride < job->columns
        || job->weight_stride < job->columns || job->panel == NULL
        || (job->type != INGOT_WEIGHT_F32 && job->type != INGOT_WEIGHT_BF16 && job->type != INGOT_WEIGHT_E4M3)
        || (job->type == INGOT_WEIGHT_E4M3 && (job->block_rows == 0 || job->block_columns == 0))) {
        return INGOT_BAD_ARGUMENT;
    }
    ingot_kernels_at(level)->product(job);
    return INGOT_OK;
}
