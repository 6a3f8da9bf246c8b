// Encoding of one block, and the absmax of blocks side by side. The rules are in the public header; here is the
// arithmetic.
//
// Rounding to E4M3: for a magnitude y < 464 let E = max(exponent(y), -6). Adding 2^(E + 20), whose F32 spacing is
// 2^(E - 3), rounds y to a multiple n of the code spacing, nearest even, in the adder. n stands in the low bits of
// the sum, the code is 8 (E + 6) + n (a carry into the next binade comes out right), and taking the summand off again
// is exact and gives the decoded value. The summand also carries 56 spacings: 8 (E + 6) is 8 (E + 127) + 56 in the low
// byte, and an even number leaves ties as they are.
#pragma once

#include "Lanes.h"

typedef struct {
    f32x16 error;
    f32x16 signal;
    i32x16 worst;
    u32x16 saturated;
} ingot_sums;

INGOT_INLINE f32x16 ingot_round_to_bf16(f32x16 magnitude) {
    u32x16 bits = INGOT_U32(magnitude);
    return INGOT_F32((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

INGOT_INLINE u8x16 ingot_encode_lanes(
    ingot_elements x, f32x16 scale, ingot_quotient kind, ingot_gather gather, ingot_sums *sums)
{
    f32x16 quotient = x.magnitude / scale;
    // Only a subnormal BF16 scale can be so far below absmax / 448 that a quotient reaches 464, which no longer rounds
    // to 448 by itself; every other scale that follows from absmax is normal and short of it by 22 ulp at most. A
    // searched scale may be anything.
    f32x16 y = kind == INGOT_QUOTIENT_BF16      ? INGOT_SMALLER(ingot_round_to_bf16(quotient), 448.0f)
              : kind == INGOT_QUOTIENT_CLAMPED ? INGOT_SMALLER(quotient, 448.0f)
                                               : quotient;
    u32x16 binade = INGOT_U32(INGOT_LARGER(y, 0x1p-6f)) & 0x7f800000u;
    f32x16 summand = INGOT_F32(binade + ((20u << 23) + 56u));
    f32x16 sum = y + summand;
    u32x16 code = INGOT_U32(sum) + (binade >> 20);  // only the low byte counts
    if (gather != INGOT_GATHER_NOTHING) {
        f32x16 error = (sum - summand) - quotient;
        sums->error += error * error;
        sums->signal += quotient * quotient;
        sums->worst = __builtin_elementwise_max(sums->worst, INGOT_I32(error) & 0x7fffffff);
        if (gather == INGOT_GATHER_ERRORS_AND_SATURATION) {
            sums->saturated -= INGOT_U32(quotient > 448.0f);
        }
    }
    return INGOT_NARROW(code | x.sign);
}

INGOT_INLINE void ingot_encode_with(
    const ingot_block *block, ingot_source_type type, ingot_quotient kind, ingot_gather gather, ingot_lane_sums *out)
{
    const size_t size = ingot_element_bytes(type);
    const size_t whole = block->columns & ~(size_t)15;
    const size_t tail = block->columns - whole;
    const f32x16 scale = block->scale;
    ingot_sums sums = {0};
    for (size_t row = 0; row < block->rows; row += 1) {
        const uint8_t *source = block->source + row * block->source_stride;
        uint8_t *codes = block->codes + row * block->codes_stride;
#pragma clang loop unroll_count(4)
        for (size_t column = 0; column < whole; column += 16) {
            u8x16 code = ingot_encode_lanes(
                ingot_load(source + column * size, type), scale, kind, gather, &sums);
            memcpy(codes + column, &code, sizeof code);
        }
        if (tail) {
            u8x16 code = ingot_encode_lanes(
                ingot_load_tail(source + whole * size, type, tail), scale, kind, gather, &sums);
            uint8_t padded[16];
            memcpy(padded, &code, sizeof code);
            memcpy(codes + whole, padded, tail);
        }
    }
    if (gather != INGOT_GATHER_NOTHING) {
        memcpy(out->error, &sums.error, sizeof out->error);
        memcpy(out->signal, &sums.signal, sizeof out->signal);
        memcpy(out->worst, &sums.worst, sizeof out->worst);
        memcpy(out->saturated, &sums.saturated, sizeof out->saturated);
    }
}

INGOT_INLINE void ingot_encode_gathering(
    const ingot_block *block, ingot_source_type type, ingot_quotient kind, ingot_gather gather, ingot_lane_sums *sums)
{
    switch (gather) {
    case INGOT_GATHER_NOTHING:
        ingot_encode_with(block, type, kind, INGOT_GATHER_NOTHING, sums);
        break;
    case INGOT_GATHER_ERRORS:
        ingot_encode_with(block, type, kind, INGOT_GATHER_ERRORS, sums);
        break;
    case INGOT_GATHER_ERRORS_AND_SATURATION:
        ingot_encode_with(block, type, kind, INGOT_GATHER_ERRORS_AND_SATURATION, sums);
        break;
    }
}

// One compiled form per combination, so that the inner loop has no branch.
static void ingot_encode_block(
    const ingot_block *block, ingot_source_type type, ingot_quotient kind, ingot_gather gather, ingot_lane_sums *sums)
{
    if (kind == INGOT_QUOTIENT_BF16) {
        ingot_encode_gathering(block, INGOT_SOURCE_BF16, INGOT_QUOTIENT_BF16, gather, sums);
    } else if (kind == INGOT_QUOTIENT_CLAMPED) {
        if (type == INGOT_SOURCE_BF16) {
            ingot_encode_gathering(block, INGOT_SOURCE_BF16, INGOT_QUOTIENT_CLAMPED, gather, sums);
        } else if (type == INGOT_SOURCE_F16) {
            ingot_encode_gathering(block, INGOT_SOURCE_F16, INGOT_QUOTIENT_CLAMPED, gather, sums);
        } else {
            ingot_encode_gathering(block, INGOT_SOURCE_F32, INGOT_QUOTIENT_CLAMPED, gather, sums);
        }
    } else if (type == INGOT_SOURCE_BF16) {
        ingot_encode_gathering(block, INGOT_SOURCE_BF16, INGOT_QUOTIENT_PLAIN, gather, sums);
    } else if (type == INGOT_SOURCE_F16) {
        ingot_encode_gathering(block, INGOT_SOURCE_F16, INGOT_QUOTIENT_PLAIN, gather, sums);
    } else {
        ingot_encode_gathering(block, INGOT_SOURCE_F32, INGOT_QUOTIENT_PLAIN, gather, sums);
    }
}

// A product with the reciprocal stands for the division: an ulp of a quotient moves no choice worth a division.
INGOT_INLINE f32x16 ingot_search_lanes(ingot_elements x, f32x16 reciprocal) {
    f32x16 quotient = x.magnitude * reciprocal;
    f32x16 y = INGOT_SMALLER(quotient, 448.0f);
    u32x16 binade = INGOT_U32(INGOT_LARGER(y, 0x1p-6f)) & 0x7f800000u;
    f32x16 summand = INGOT_F32(binade + (20u << 23));
    f32x16 error = ((y + summand) - summand) - quotient;
    return error * error;
}

INGOT_INLINE void ingot_search_with(
    const ingot_block *block, ingot_source_type type, const float *weights, float *lanes)
{
    const size_t size = ingot_element_bytes(type);
    const size_t whole = block->columns & ~(size_t)15;
    const size_t tail = block->columns - whole;
    const f32x16 reciprocal = 1.0f / block->scale;
    f32x16 total = 0;
    f32x16 last = 0;
    if (weights && tail) {
        float padded[16] = {0};
        memcpy(padded, weights + whole, tail * sizeof *weights);
        memcpy(&last, padded, sizeof last);
    }
    for (size_t row = 0; row < block->rows; row += 1) {
        const uint8_t *source = block->source + row * block->source_stride;
        for (size_t column = 0; column < whole; column += 16) {
            f32x16 error = ingot_search_lanes(ingot_load(source + column * size, type), reciprocal);
            if (weights) {
                f32x16 weight;
                memcpy(&weight, weights + column, sizeof weight);
                error *= weight;
            }
            total += error;
        }
        if (tail) {
            f32x16 error = ingot_search_lanes(ingot_load_tail(source + whole * size, type, tail), reciprocal);
            total += weights ? error * last : error;
        }
    }
    memcpy(lanes, &total, sizeof total);
}

static void ingot_search_error(
    const ingot_block *block, ingot_source_type type, const float *weights, float *lanes)
{
    if (type == INGOT_SOURCE_BF16) {
        ingot_search_with(block, INGOT_SOURCE_BF16, weights, lanes);
    } else if (type == INGOT_SOURCE_F16) {
        ingot_search_with(block, INGOT_SOURCE_F16, weights, lanes);
    } else {
        ingot_search_with(block, INGOT_SOURCE_F32, weights, lanes);
    }
}

INGOT_INLINE uint32_t ingot_row_maximum_16(const uint8_t *source, size_t count, uint32_t so_far) {
    i16x32 maximum = (int16_t)so_far;
    size_t column = 0;
    for (; column + 32 <= count; column += 32) {
        i16x32 raw;
        memcpy(&raw, source + 2 * column, sizeof raw);
        maximum = __builtin_elementwise_max(maximum, raw & (int16_t)0x7fff);
    }
    if (column < count) {
        i16x32 raw = 0;
        memcpy(&raw, source + 2 * column, 2 * (count - column));
        maximum = __builtin_elementwise_max(maximum, raw & (int16_t)0x7fff);
    }
    return (uint32_t)__builtin_reduce_max(maximum);
}

INGOT_INLINE uint32_t ingot_row_maximum_32(const uint8_t *source, size_t count, uint32_t so_far) {
    i32x16 maximum = (int32_t)so_far;
    size_t column = 0;
    for (; column + 16 <= count; column += 16) {
        i32x16 raw;
        memcpy(&raw, source + 4 * column, sizeof raw);
        maximum = __builtin_elementwise_max(maximum, raw & 0x7fffffff);
    }
    if (column < count) {
        i32x16 raw = 0;
        memcpy(&raw, source + 4 * column, 4 * (count - column));
        maximum = __builtin_elementwise_max(maximum, raw & 0x7fffffff);
    }
    return (uint32_t)__builtin_reduce_max(maximum);
}

// Row by row over the whole tile, the order in which memory is read fastest.
static void ingot_tile_maxima(
    const uint8_t *source, size_t stride, ingot_source_type type, size_t rows, size_t columns, size_t block_columns,
    uint32_t *maxima)
{
    const size_t size = ingot_element_bytes(type);
    for (size_t row = 0; row < rows; row += 1) {
        const uint8_t *p = source + row * stride;
        size_t index = 0;
        for (size_t column = 0; column < columns; column += block_columns, index += 1) {
            size_t count = columns - column < block_columns ? columns - column : block_columns;
            uint32_t so_far = row == 0 ? 0 : maxima[index];
            maxima[index] = type == INGOT_SOURCE_F32 ? ingot_row_maximum_32(p + column * size, count, so_far)
                                                     : ingot_row_maximum_16(p + column * size, count, so_far);
        }
    }
}
