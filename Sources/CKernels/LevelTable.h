// The table of the level whose file includes this; INGOT_LEVEL_TABLE is its name.
#include "DecodeBody.h"
#include "EncodeBody.h"
#include "MeasureBody.h"
#include "MixBody.h"
#include "ProductBody.h"
#include "ScanBody.h"
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
    .multiply_add = ingot_level_multiply_add,
    .read = ingot_level_read,
};
