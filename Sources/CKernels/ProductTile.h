// A tile of a product: some tokens by some weight rows, sixteen lanes of K each, decoded on the way.
//
// An element of the result is the sum, in this order whatever the tile, the level or the rest of the batch:
//   lane j of 16 takes the columns congruent j modulo 16 of one chunk of INGOT_PRODUCT_CHUNK columns, each by a fused
//   multiply-add, ascending; missing columns of the last sixteen count as zero. The lanes are halved four times
//   (j + (j + 8), then 4, 2, 1). The chunks' sums are added ascending.
// So every level gives the same bits, and a row of the result does not know how many others there are.
//
// INGOT_TILE_TOKENS x INGOT_TILE_ROWS sums live in registers; a level file may set them for its register file.
#pragma once

#include "DecodeBody.h"

#ifndef INGOT_TILE_TOKENS
#define INGOT_TILE_TOKENS 2
#define INGOT_TILE_ROWS 2
#define INGOT_CODE_TOKENS 2
#endif

// Rows of a weight decoded at a time, so that they stay in the second-level cache while all tokens use them.
#define INGOT_PANEL_ROWS 128

// Elements of a row's tile that are asked for ahead of their use: about the latency of memory.
#define INGOT_AHEAD (2 * INGOT_PRODUCT_CHUNK)

// Tokens up to which a weight is read for every tile anew; codes take longer to pack.
#define INGOT_DIRECT_TOKENS 8
#define INGOT_DIRECT_CODE_TOKENS 16

// Tokens up to which a panel is one tile high.
#define INGOT_FEW_TOKENS 48

_Static_assert(
    (INGOT_PANEL_ROWS + INGOT_TILE_TOKENS) * INGOT_PRODUCT_CHUNK + 16 <= INGOT_PRODUCT_PANEL_ELEMENTS,
    "a panel and a tile of tokens fit in the scratch");
_Static_assert(
    (INGOT_FEW_TOKENS + INGOT_TILE_TOKENS + INGOT_TILE_ROWS) * INGOT_PRODUCT_CHUNK + 16
        <= INGOT_PRODUCT_PANEL_ELEMENTS,
    "few tokens and a tile of rows fit in the scratch");

#define INGOT_UNROLL _Pragma("clang loop unroll(full)")

// A tile's sources: rows past the end repeat the last one, and are not stored.
typedef struct {
    const float *x[INGOT_TILE_TOKENS];  // of a panel: the first is that of all
    const uint8_t *weight[INGOT_TILE_ROWS];
    const float *scale[INGOT_TILE_ROWS];  // of E4M3: of the row's blocks, from column 0 on
    size_t ahead;  // bytes from an element to the one to ask for; 0 for none
} ingot_tile;

// Rows of a panel of F32 and tokens packed like them: sixteen columns of each row of a tile, then the next sixteen.
// Both start at whole cache lines, which a vector of sixteen lanes is as long as.
#define INGOT_WEIGHT_PANEL ((ingot_weight_type)16)

typedef u8x32 ingot_tile_nan[INGOT_TILE_ROWS];
typedef float ingot_tile_row __attribute__((ext_vector_type(INGOT_TILE_ROWS)));
typedef f32x16 ingot_tile_sums[INGOT_TILE_TOKENS][INGOT_TILE_ROWS];

INGOT_INLINE f32x16 ingot_load_lanes(const float *source) {
    f32x16 value;
    memcpy(&value, source, sizeof value);
    return value;
}

INGOT_INLINE int ingot_weight_is_codes(ingot_weight_type type) {
    return type >= INGOT_WEIGHT_E4M3 && type <= INGOT_WEIGHT_E4M3_AS_F16;
}

// code x scale as the type has it. NaN is looked for elsewhere or is a quiet one without payload.
INGOT_INLINE f32x16 ingot_weight_rounded(f32x16 value, ingot_weight_type type) {
    if (type == INGOT_WEIGHT_E4M3_AS_BF16) {
        u32x16 bits = INGOT_U32(value);
        return INGOT_F32((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
    }
    if (type == INGOT_WEIGHT_E4M3_AS_F16) {
#ifdef INGOT_HAS_HALF
        return __builtin_convertvector(__builtin_convertvector(value, f16x16), f32x16);
#else
        u32x16 magnitude = INGOT_U32(value) & 0x7fffffffu;
        u32x16 normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u)) & 0xffffe000u;
        // Below 2^-14 the step is 2^-24, that of the F32 numbers from 0.5 on.
        u32x16 subnormal = INGOT_U32(INGOT_F32(magnitude) + 0.5f - 0.5f);
        u32x16 finite = INGOT_I32(magnitude) < 0x38800000 ? subnormal : normal;
        // From 65,520 on, halfway between the largest number and the next, the result is infinity.
        u32x16 wide = INGOT_I32(magnitude) > 0x7f800000 ? magnitude : (u32x16)0x7f800000u;
        u32x16 rounded = INGOT_I32(magnitude) >= 0x477ff000 ? wide : finite;
        return INGOT_F32((INGOT_U32(value) & 0x80000000u) | rounded);
#endif
    }
    return value;
}

INGOT_INLINE f32x16 ingot_weight_lanes(const uint8_t *row, size_t column, ingot_weight_type type, float scale) {
    if (type == INGOT_WEIGHT_BF16) {
        u16x16 narrow;
        memcpy(&narrow, row + column * 2, sizeof narrow);
        return INGOT_F32(__builtin_convertvector(narrow, u32x16) << 16);
    }
    if (ingot_weight_is_codes(type)) {
        u8x16 codes;
        memcpy(&codes, row + column, sizeof codes);
        return ingot_weight_rounded(ingot_decode_lanes(codes, (f32x16)scale), type);
    }
    f32x16 value;
    memcpy(&value, row + column * (type == INGOT_WEIGHT_PANEL ? 4 * INGOT_TILE_ROWS : 4), sizeof value);
    return value;
}

INGOT_INLINE size_t ingot_weight_bytes(ingot_weight_type type) {
    return type == INGOT_WEIGHT_F32 ? 4 : type == INGOT_WEIGHT_BF16 ? 2 : 1;
}

// Columns [first, last) of equal scale, a multiple of sixteen of them.
INGOT_INLINE void ingot_tile_run(
    const ingot_tile *tile, ingot_weight_type type, int tokens, size_t first, size_t last, const float *scale,
    ingot_tile_sums sums)
{
    for (size_t column = first; column < last; column += 16) {
        f32x16 weight[INGOT_TILE_ROWS];
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            weight[row] = ingot_weight_lanes(tile->weight[row], column, type, scale ? scale[row] : 0);
            if (type == INGOT_WEIGHT_BF16) {
                __builtin_prefetch(tile->weight[row] + column * 2 + tile->ahead);
            }
        }
        INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
            f32x16 x = ingot_load_lanes(
                type == INGOT_WEIGHT_PANEL ? tile->x[0] + column * INGOT_TILE_TOKENS + token * 16
                    : tile->x[token] + column);
            INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
                sums[token][row] = __builtin_elementwise_fma(x, weight[row], sums[token][row]);
            }
        }
    }
}

// The last columns, fewer than sixteen: the same with zeros after them.
INGOT_INLINE void ingot_tile_tail(
    const ingot_tile *tile, ingot_weight_type type, int tokens, size_t first, size_t count, const float *scale,
    ingot_tile_sums sums)
{
    const size_t size = ingot_weight_bytes(type);
    uint8_t padded[INGOT_TILE_ROWS][64];
    float x[INGOT_TILE_TOKENS][16];
    ingot_tile copy = {.ahead = 0};
    memset(padded, 0, sizeof padded);
    memset(x, 0, sizeof x);
    for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
        memcpy(padded[row], tile->weight[row] + first * size, count * size);
        copy.weight[row] = padded[row];
    }
    for (int token = 0; token < tokens; token += 1) {
        memcpy(x[token], tile->x[token] + first, count * sizeof(float));
        copy.x[token] = x[token];
    }
    ingot_tile_run(&copy, type, tokens, 0, 16, scale, sums);
}

#ifdef INGOT_HAS_HALF
typedef struct {
    f32x16 low;
    f32x16 high;
} ingot_halves;

// Codes by way of F16: a code's bits moved up by seven read its value times 2^-8, subnormals too, and the processor
// converts those. Only NaN is missing, which is looked for on the way.
//
// The 2^8 is in the scale here, so that a value has one rounding, that of code x scale.
INGOT_INLINE ingot_halves ingot_code_halves(
    const uint8_t *source, ingot_weight_type type, float large, u8x32 *nan)
{
    u8x32 codes;
    memcpy(&codes, source, sizeof codes);
    // Bit 7 changes where a NaN code has one added.
    *nan |= (codes + (uint8_t)1) ^ codes;
    i16x32 wide = __builtin_convertvector(__builtin_bit_cast(i8x32, codes), i16x32);
    f16x32 half = __builtin_bit_cast(f16x32, (wide << 7) & (short)0xbf80);
    return (ingot_halves){
        ingot_weight_rounded(__builtin_convertvector(half.lo, f32x16) * large, type),
        ingot_weight_rounded(__builtin_convertvector(half.hi, f32x16) * large, type)};
}

INGOT_INLINE void ingot_tile_codes(
    const ingot_tile *tile, ingot_weight_type type, int tokens, size_t first, size_t last, const float *scale,
    ingot_tile_sums sums, ingot_tile_nan nan)
{
    float large[INGOT_TILE_ROWS];
    INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
        large[row] = scale[row] * 0x1p8f;
    }
    size_t column = first;
    for (; column + 32 <= last; column += 32) {
        ingot_halves weight[INGOT_TILE_ROWS];
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            __builtin_prefetch(tile->weight[row] + column + tile->ahead);
            weight[row] = ingot_code_halves(tile->weight[row] + column, type, large[row], &nan[row]);
        }
        INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
            f32x16 x = ingot_load_lanes(tile->x[token] + column);
            f32x16 next = ingot_load_lanes(tile->x[token] + column + 16);
            INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
                sums[token][row] = __builtin_elementwise_fma(x, weight[row].low, sums[token][row]);
                sums[token][row] = __builtin_elementwise_fma(next, weight[row].high, sums[token][row]);
            }
        }
    }
    if (__builtin_expect(column < last, 0)) {
        ingot_tile_run(tile, type, tokens, column, last, scale, sums);
    }
}

// Rows with a NaN code have no sum.
INGOT_INLINE void ingot_tile_spoil(int tokens, ingot_tile_sums sums, ingot_tile_nan nan) {
    u8x32 any = nan[0];
    INGOT_UNROLL for (int row = 1; row < INGOT_TILE_ROWS; row += 1) {
        any |= nan[row];
    }
    if (__builtin_reduce_or(__builtin_bit_cast(u64x4, any)) & 0x8080808080808080u) {
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            if (__builtin_reduce_or(__builtin_bit_cast(u64x4, nan[row])) & 0x8080808080808080u) {
                INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
                    sums[token][row] = (f32x16)__builtin_nanf("");
                }
            }
        }
    }
}
#endif

INGOT_INLINE void ingot_tile_span(
    const ingot_tile *tile, ingot_weight_type type, int tokens, size_t first, size_t last, const float *scale,
    ingot_tile_sums sums, ingot_tile_nan nan)
{
    (void)nan;
    size_t whole = first + (last - first) / 16 * 16;
#ifdef INGOT_HAS_HALF
    if (ingot_weight_is_codes(type)) {
        ingot_tile_codes(tile, type, tokens, first, whole, scale, sums, nan);
    } else {
        ingot_tile_run(tile, type, tokens, first, whole, scale, sums);
    }
#else
    ingot_tile_run(tile, type, tokens, first, whole, scale, sums);
#endif
    if (__builtin_expect(whole < last, 0)) {
        ingot_tile_tail(tile, type, tokens, whole, last - whole, scale, sums);
    }
}

// The lane sums of sixteen vectors, in their order.
INGOT_INLINE f32x16 ingot_fold(const f32x16 *v) {
    f32x16 a[8], b[4], c[2];
    INGOT_UNROLL for (int i = 0; i < 8; i += 1) {
        a[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
            + __builtin_shufflevector(v[2 * i], v[2 * i + 1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    INGOT_UNROLL for (int i = 0; i < 4; i += 1) {
        b[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
            + __builtin_shufflevector(a[2 * i], a[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    }
    INGOT_UNROLL for (int i = 0; i < 2; i += 1) {
        c[i] = __builtin_shufflevector(b[2 * i], b[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29)
            + __builtin_shufflevector(b[2 * i], b[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
    }
    return __builtin_shufflevector(c[0], c[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
        + __builtin_shufflevector(c[0], c[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}

// The sums of a tile with fewer rows than it has places.
INGOT_INLINE void ingot_tile_edge(
    const ingot_product_job *job, const f32x16 *folded, int tokens, int rows, int adds, float *target)
{
    float sums[INGOT_TILE_TOKENS * INGOT_TILE_ROWS];
    memcpy(sums, folded, (size_t)tokens * INGOT_TILE_ROWS * sizeof(float));
    for (int token = 0; token < tokens; token += 1) {
        float *line = target + (size_t)token * job->target_stride;
        for (int row = 0; row < rows; row += 1) {
            float sum = sums[token * INGOT_TILE_ROWS + row];
            line[row] = adds ? line[row] + sum : sum;
        }
    }
}

// One chunk of a tile: its sums, folded, are set or added.
INGOT_INLINE void ingot_tile_chunk(
    const ingot_product_job *job, const ingot_tile *tile, ingot_weight_type type, int tokens, size_t first,
    size_t last, int adds, float *target, int rows)
{
    ingot_tile_sums sums;
    INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            sums[token][row] = (f32x16)0.0f;
        }
    }
    ingot_tile_nan nan;
    if (ingot_weight_is_codes(type)) {
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            nan[row] = (u8x32)(uint8_t)0;
        }
        size_t block = first / job->block_columns;
        size_t end = (block + 1) * job->block_columns;
        for (size_t column = first; column < last; block += 1, end += job->block_columns) {
            float scale[INGOT_TILE_ROWS];
            INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
                scale[row] = tile->scale[row][block];
            }
            size_t edge = end < last ? end : last;
            ingot_tile_span(tile, type, tokens, column, edge, scale, sums, nan);
            column = edge;
        }
#ifdef INGOT_HAS_HALF
        ingot_tile_spoil(tokens, sums, nan);
#endif
    } else {
        ingot_tile_span(tile, type, tokens, first, last, NULL, sums, nan);
    }
    f32x16 flat[(INGOT_TILE_TOKENS * INGOT_TILE_ROWS + 15) / 16 * 16];
    f32x16 folded[sizeof flat / sizeof flat[0] / 16];
    INGOT_UNROLL for (int place = 0; place < (int)(sizeof flat / sizeof flat[0]); place += 1) {
        flat[place] = place < tokens * INGOT_TILE_ROWS
            ? sums[place / INGOT_TILE_ROWS][place % INGOT_TILE_ROWS] : (f32x16)0.0f;
    }
    INGOT_UNROLL for (int place = 0; place < tokens * INGOT_TILE_ROWS; place += 16) {
        folded[place / 16] = ingot_fold(flat + place);
    }
    if (__builtin_expect(rows < INGOT_TILE_ROWS, 0)) {
        ingot_tile_edge(job, folded, tokens, rows, adds, target);
        return;
    }
    INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
        float *line = target + token * job->target_stride;
        ingot_tile_row sum, old = {0};
        // At places that are known to the compiler, so that the vectors stay in registers.
        memcpy(&sum, (const float *)folded + token * INGOT_TILE_ROWS, sizeof sum);
        if (adds) {
            memcpy(&old, line, sizeof old);
            sum = old + sum;
        }
        memcpy(line, &sum, sizeof sum);
    }
}

// The tile with its number of tokens as a constant.
INGOT_INLINE void ingot_tile_of(
    const ingot_product_job *job, const ingot_tile *tile, ingot_weight_type type, int tokens, size_t first,
    size_t last, int adds, float *target, int rows)
{
#define INGOT_CASE(n) \
    case n: \
        ingot_tile_chunk(job, tile, type, n, first, last, adds, target, rows); \
        break
    switch (tokens) {
        INGOT_CASE(1);
        INGOT_CASE(2);
#if INGOT_TILE_TOKENS > 2
        INGOT_CASE(3);
        INGOT_CASE(4);
        INGOT_CASE(5);
        INGOT_CASE(6);
#endif
    }
#undef INGOT_CASE
}
