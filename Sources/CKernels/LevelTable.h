// The table of the level whose file includes this; INGOT_LEVEL_TABLE is its name.
#include "DecodeBody.h"
#include "EncodeBody.h"
#include "MeasureBody.h"
#include "MixBody.h"
#include "ProductBody.h"
#include "ScanBody.h"
#include "TrainingBody.h"
#include "WideBody.h"

const ingot_kernels INGOT_LEVEL_TABLE = {
    .tile_maxima = ingot_tile_maxima,
    .encode_block = ingot_encode_block,
    .search_error = ingot_search_error,
    .decode_row = ingot_decode_row,
    .first_non_finite = ingot_level_first_non_finite,
    .first_nan_code = ingot_level_first_nan_code,
    .all_zero = ingot_level_all_zero,
    .product = ingot_level_product,
    .mix = ingot_level_mix,
    .wide_product = ingot_level_wide_product,
    .widen = ingot_level_widen,
    .rms_forward = ingot_level_rms_forward,
    .rms_backward = ingot_level_rms_backward,
    .gated_forward = ingot_level_gated_forward,
    .gated_backward = ingot_level_gated_backward,
    .rotate = ingot_level_rotate,
    .softmax = ingot_level_softmax,
    .log_sum = ingot_level_log_sum,
    .cross_entropy = ingot_level_cross_entropy,
    .attend_forward = ingot_level_attend_forward,
    .attend_extra = ingot_level_attend_extra,
    .attend_backward = ingot_level_attend_backward,
    .add_rows = ingot_level_add_rows,
    .square_sum = ingot_level_square_sum,
    .adam = ingot_level_adam,
    .multiply_add = ingot_level_multiply_add,
    .read = ingot_level_read,
};
