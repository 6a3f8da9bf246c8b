// Walks a strip of rows in tiles of blocks side by side: first the absmax of each block, reading the tile row by row
// from memory, then block by block its codes, reading it again from cache.
#include <math.h>
#include <string.h>

#include "Kernels.h"

// The second reading may come from the third level cache: measured, a tile as wide as the matrix, though it overflows
// the second level, is half as fast again as one of 1,024 columns, since memory is then read without jumps.
#define TILE_BYTES ((size_t)4 << 20)

static float magnitude_of(uint32_t bits, ingot_source_type type) {
    if (type == INGOT_SOURCE_BF16) {
        bits <<= 16;
    } else if (type == INGOT_SOURCE_F16) {
        bits <<= 13;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return type == INGOT_SOURCE_F16 ? value * 0x1p112f : value;
}

static uint32_t largest_finite_bits(ingot_source_type type) {
    return type == INGOT_SOURCE_BF16 ? 0x7f7f : type == INGOT_SOURCE_F16 ? 0x7bff : 0x7f7fffff;
}

float ingot_absmax(const void *source, ingot_source_type type, size_t count, ingot_simd_level level) {
    uint32_t maximum = 0;
    if (count > 0) {
        ingot_kernels_at(level)->tile_maxima(source, 0, type, 1, count, count, &maximum);
    }
    return maximum > largest_finite_bits(type) ? __builtin_inff() : magnitude_of(maximum, type);
}

static int is_valid(const ingot_encode_job *job) {
    return job->block_rows > 0 && job->block_columns > 0 && job->source_stride >= job->columns
        && job->codes_stride >= job->columns
        && job->scales_stride >= job->columns / job->block_columns + (job->columns % job->block_columns != 0)
        && (unsigned)job->type <= INGOT_SOURCE_F32 && (unsigned)job->rule <= INGOT_SCALE_BF16
        && (job->rule != INGOT_SCALE_BF16 || job->type == INGOT_SOURCE_BF16)
        && (!job->searches || (job->rule == INGOT_SCALE_F32 && job->shared_absmax == 0)) && job->shared_absmax >= 0
        && job->shared_absmax <= __FLT_MAX__ && job->amax_floor >= 0
        && job->amax_floor <= __FLT_MAX__;
}

// Fixed order: halves are folded onto each other.
static double sum_of_lanes(const float *lanes) {
    double wide[16];
    for (int i = 0; i < 16; i += 1) {
        wide[i] = (double)lanes[i];
    }
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; i += 1) {
            wide[i] += wide[i + half];
        }
    }
    return wide[0];
}

static void add_sums(ingot_encode_statistics *total, const ingot_lane_sums *sums, float scale) {
    uint32_t worst = 0;
    for (int i = 0; i < 16; i += 1) {
        worst = sums->worst[i] > worst ? sums->worst[i] : worst;
        total->saturated += sums->saturated[i];
    }
    double unit = (double)scale * (double)scale;
    total->squared_error += sum_of_lanes(sums->error) * unit;
    total->squared_signal += sum_of_lanes(sums->signal) * unit;
    double error = (double)magnitude_of(worst, INGOT_SOURCE_F32) * (double)scale;
    total->largest_error = error > total->largest_error ? error : total->largest_error;
}

// A block too small for a normal scale: zeros with their signs. Its whole signal is error; added up in double, since
// its squares underflow in F32.
static void encode_vanishing(const ingot_block *block, ingot_source_type type, ingot_encode_statistics *total) {
    const size_t size = ingot_element_bytes(type);
    double squared = 0;
    for (size_t row = 0; row < block->rows; row += 1) {
        const uint8_t *source = block->source + row * block->source_stride;
        uint8_t *codes = block->codes + row * block->codes_stride;
        for (size_t column = 0; column < block->columns; column += 1) {
            codes[column] = source[(column + 1) * size - 1] & 0x80;  // little-endian: the last byte has the sign
            if (total) {
                uint32_t bits = 0;
                memcpy(&bits, source + column * size, size);
                bits &= size == 4 ? 0x7fffffff : 0x7fff;
                double x = (double)magnitude_of(bits, type);
                squared += x * x;
                total->largest_error = x > total->largest_error ? x : total->largest_error;
            }
        }
    }
    if (total) {
        total->squared_error += squared;
        total->squared_signal += squared;
    }
}

static void encode_one(const ingot_encode_job *job, const ingot_kernels *kernels, ingot_block *block, float amax) {
    ingot_encode_statistics *total = job->statistics;
    const int bf16 = job->rule == INGOT_SCALE_BF16;
    const ingot_quotient kind = bf16            ? INGOT_QUOTIENT_BF16
                                : job->searches ? INGOT_QUOTIENT_CLAMPED
                                                : INGOT_QUOTIENT_PLAIN;
    if (total) {
        total->elements += block->rows * block->columns;
        total->largest_signal = (double)amax > total->largest_signal ? (double)amax : total->largest_signal;
        total->zero_blocks += amax == 0;
        total->floored_blocks += !bf16 && amax > 0 && amax < job->amax_floor;
    }
    if (!bf16 && (amax > job->amax_floor ? amax : job->amax_floor) / 448.0f < 0x1p-126f) {
        encode_vanishing(block, job->type, total);
        return;
    }
    if (!total) {
        kernels->encode_block(block, job->type, kind, INGOT_GATHER_NOTHING, NULL);
        return;
    }
    ingot_lane_sums sums;
    // Division is monotone: if the largest magnitude stays within range, all do, and counting can be left out.
    ingot_gather gather = amax / block->scale > 448.0f ? INGOT_GATHER_ERRORS_AND_SATURATION : INGOT_GATHER_ERRORS;
    kernels->encode_block(block, job->type, kind, gather, &sums);
    add_sums(total, &sums, block->scale);
}

// E4M3 is floating point: a scale matters up to a power of two, by where the weights fall between codes. Multiples
// up to 2 try that without clipping anything; a few below 1 clip the largest.
static const float search_ratios[INGOT_SEARCH_RATIOS] = {
    1.0f, 0.8125f, 0.875f, 0.9375f, 1.0625f, 1.125f, 1.1875f, 1.25f,
    1.3125f, 1.375f, 1.4375f, 1.5f, 1.5625f, 1.625f, 1.75f, 1.875f,
};

static float searched_scale(
    const ingot_encode_job *job, const ingot_kernels *kernels, ingot_block block, float amax, const float *weights)
{
    float best = block.scale;
    double least = 0;
    for (int i = 0; i < INGOT_SEARCH_RATIOS; i += 1) {
        const float scale = amax / 448.0f * search_ratios[i];
        // The last normal numbers below infinity and the first above zero keep the scale of absmax.
        if (!(scale < 0x1p100f) || !(scale > 0x1p-100f)) {
            return best;
        }
        block.scale = i == 0 ? best : scale;
        float lanes[16];
        kernels->search_error(&block, job->type, weights, lanes);
        const double error = sum_of_lanes(lanes) * (double)block.scale * (double)block.scale;
        if (i == 0 || error < least) {
            least = error;
            best = block.scale;
        }
    }
    return best;
}

static ingot_position first_non_finite(const ingot_encode_job *job, const ingot_kernels *kernels, size_t row) {
    const size_t stride = job->source_stride * ingot_element_bytes(job->type);
    for (;; row += 1) {
        size_t column = kernels->first_non_finite((const uint8_t *)job->source + row * stride, job->type, job->columns);
        if (column < job->columns || row + 1 >= job->rows) {
            return (ingot_position){row, column};
        }
    }
}

ingot_status ingot_encode(const ingot_encode_job *job, ingot_simd_level level, ingot_position *position) {
    if (!is_valid(job)) {
        return INGOT_BAD_ARGUMENT;
    }
    const ingot_kernels *kernels = ingot_kernels_at(level);
    const size_t size = ingot_element_bytes(job->type);
    const size_t stride = job->source_stride * size;
    const uint32_t finite = largest_finite_bits(job->type);
    const size_t band_rows = job->rows < job->block_rows ? job->rows : job->block_rows;
    size_t tile_blocks = band_rows == 0 ? 1 : TILE_BYTES / size / band_rows / job->block_columns;
    tile_blocks = tile_blocks < 1 ? 1 : tile_blocks > INGOT_TILE_BLOCKS ? INGOT_TILE_BLOCKS : tile_blocks;
    uint32_t maxima[INGOT_TILE_BLOCKS];

    for (size_t row = 0; row < job->rows; row += job->block_rows) {
        const size_t rows = job->rows - row < job->block_rows ? job->rows - row : job->block_rows;
        const uint8_t *band = (const uint8_t *)job->source + row * stride;
        float *scales = job->scales + row / job->block_rows * job->scales_stride;
        const size_t tile = tile_blocks * job->block_columns;
        for (size_t left = 0; left < job->columns; left += tile) {
            const size_t right = job->columns - left < tile ? job->columns : left + tile;
            kernels->tile_maxima(band + left * size, stride, job->type, rows, right - left, job->block_columns, maxima);
            size_t index = 0;
            for (size_t column = left; column < right; column += job->block_columns, index += 1) {
                if (maxima[index] > finite) {
                    if (position) {
                        *position = first_non_finite(job, kernels, row);
                    }
                    return INGOT_NON_FINITE;
                }
                const float own = magnitude_of(maxima[index], job->type);
                const float amax = job->shared_absmax > 0 ? job->shared_absmax : own;
                const float scale = ingot_block_scale(job->rule, amax, job->amax_floor, job->zero_scale);
                ingot_block block = {
                    .source = band + column * size,
                    .source_stride = stride,
                    .rows = rows,
                    .columns = right - column < job->block_columns ? right - column : job->block_columns,
                    .scale = scale,
                    .codes = job->codes + row * job->codes_stride + column,
                    .codes_stride = job->codes_stride,
                };
                if (job->searches && amax > job->amax_floor) {
                    const float *weights = job->column_weights ? job->column_weights + column : NULL;
                    block.scale = searched_scale(job, kernels, block, amax, weights);
                }
                scales[column / job->block_columns] = block.scale;
                encode_one(job, kernels, &block, amax);
            }
        }
    }
    return INGOT_OK;
}
