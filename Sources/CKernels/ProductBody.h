// Products of activations with a stored weight, walked tile by tile: straight from the stored rows for a few tokens,
// by panels of decoded rows for many. What a tile does, and the order of its sums, is in ProductTile.h.
#pragma once

#include "ProductTile.h"

// Every type has its own copy of the tiles; what they hold of one another stays out of line.
static __attribute__((noinline)) void ingot_tile_f32(
    const ingot_product_job *job, const ingot_tile *tile, int tokens, size_t first, size_t last, int adds,
    float *target, int rows)
{
    ingot_tile_of(job, tile, INGOT_WEIGHT_F32, tokens, first, last, adds, target, rows);
}

static __attribute__((noinline)) void ingot_tile_panel(
    const ingot_product_job *job, const ingot_tile *tile, int tokens, size_t first, size_t last, int adds,
    float *target, int rows)
{
    ingot_tile_of(job, tile, INGOT_WEIGHT_PANEL, tokens, first, last, adds, target, rows);
}

static __attribute__((noinline)) void ingot_tile_bf16(
    const ingot_product_job *job, const ingot_tile *tile, int tokens, size_t first, size_t last, int adds,
    float *target, int rows)
{
    ingot_tile_of(job, tile, INGOT_WEIGHT_BF16, tokens, first, last, adds, target, rows);
}

static __attribute__((noinline)) void ingot_tile_e4m3(
    const ingot_product_job *job, const ingot_tile *tile, int tokens, size_t first, size_t last, int adds,
    float *target, int rows)
{
    ingot_tile_of(job, tile, INGOT_WEIGHT_E4M3, tokens, first, last, adds, target, rows);
}

// Straight from the stored weight, for a few tokens or for F32.
static void ingot_product_direct(const ingot_product_job *job) {
    const size_t size = ingot_weight_bytes(job->type);
    // Decoding codes takes registers.
    const size_t height = job->type == INGOT_WEIGHT_E4M3 ? INGOT_CODE_TOKENS : INGOT_TILE_TOKENS;
    void (*multiply)(const ingot_product_job *, const ingot_tile *, int, size_t, size_t, int, float *, int) =
        job->type == INGOT_WEIGHT_F32 ? ingot_tile_f32
        : job->type == INGOT_WEIGHT_BF16 ? ingot_tile_bf16 : ingot_tile_e4m3;
    for (size_t top = job->first; top < job->last; top += INGOT_PANEL_ROWS) {
        size_t end = job->last - top < INGOT_PANEL_ROWS ? job->last : top + INGOT_PANEL_ROWS;
        for (size_t token = 0; token < job->tokens; token += height) {
            int tokens = (int)(job->tokens - token < height ? job->tokens - token : height);
            ingot_tile tile;
            for (int index = 0; index < INGOT_TILE_TOKENS; index += 1) {
                tile.x[index] = job->x + (token + (size_t)(index < tokens ? index : 0)) * job->x_stride;
            }
            for (size_t row = top; row < end; row += INGOT_TILE_ROWS) {
                int rows = end - row < INGOT_TILE_ROWS ? (int)(end - row) : INGOT_TILE_ROWS;
                for (int index = 0; index < INGOT_TILE_ROWS; index += 1) {
                    size_t source = row + (size_t)(index < rows ? index : rows - 1);
                    tile.weight[index] = (const uint8_t *)job->weight + source * job->weight_stride * size;
                    tile.scale[index] = job->type == INGOT_WEIGHT_E4M3
                        ? job->scales + source / job->block_rows * job->scales_stride : NULL;
                }
                float *target = job->target + token * job->target_stride + row;
                for (size_t first = 0; first < job->columns; first += INGOT_PRODUCT_CHUNK) {
                    size_t last = job->columns - first < INGOT_PRODUCT_CHUNK ? job->columns : first + INGOT_PRODUCT_CHUNK;
                    // Past the end of these rows the next tile's begin.
                    size_t place = first + INGOT_AHEAD;
                    tile.ahead = (place / job->columns * INGOT_TILE_ROWS * job->weight_stride
                                  + place % job->columns - first) * size;
                    multiply(job, &tile, tokens, first, last, first > 0, target, rows);
                }
            }
        }
    }
}

// Codes with one scale as F32.
static void ingot_product_codes(const uint8_t *codes, size_t count, float scale, float *target) {
    size_t column = 0;
#ifdef INGOT_HAS_HALF
    u8x32 nan = (u8x32)(uint8_t)0;
    const float large = scale * 0x1p8f;
    for (; column + 32 <= count; column += 32) {
        ingot_halves value = ingot_code_halves(codes + column, large, &nan);
        memcpy(target + column, &value, sizeof value);
    }
    if (__builtin_reduce_or(__builtin_bit_cast(u64x4, nan)) & 0x8080808080808080u) {
        column = 0;
    }
#endif
    if (column < count) {
        ingot_decode_row(codes + column, count - column, scale, (uint8_t *)(target + column), INGOT_TARGET_F32);
    }
}

// Rows of a chunk as F32, INGOT_PRODUCT_CHUNK apart.
static void ingot_product_decode(
    const ingot_product_job *job, size_t top, size_t end, size_t first, size_t last, float *panel)
{
    for (size_t row = top; row < end; row += 1) {
        float target[INGOT_PRODUCT_CHUNK];
        if (job->type == INGOT_WEIGHT_BF16) {
            const uint8_t *source = (const uint8_t *)job->weight + row * job->weight_stride * 2;
            size_t column = first;
            for (; column + 16 <= last; column += 16) {
                f32x16 value = ingot_weight_lanes(source, column, INGOT_WEIGHT_BF16, 0);
                memcpy(target + column - first, &value, sizeof value);
            }
            for (; column < last; column += 1) {
                uint16_t narrow;
                memcpy(&narrow, source + column * 2, 2);
                uint32_t bits = (uint32_t)narrow << 16;
                memcpy(target + column - first, &bits, 4);
            }
        } else {
            const uint8_t *source = (const uint8_t *)job->weight + row * job->weight_stride;
            const float *scale = job->scales + row / job->block_rows * job->scales_stride;
            for (size_t column = first; column < last;) {
                size_t block = column / job->block_columns;
                size_t edge = (block + 1) * job->block_columns;
                edge = edge < last ? edge : last;
                for (size_t line = column; line < edge; line += 64) {
                    __builtin_prefetch(source + line + INGOT_PRODUCT_CHUNK);
                }
                ingot_product_codes(source + column, edge - column, scale[block], target + column - first);
                column = edge;
            }
        }
        float *place = panel + (row - top) / INGOT_TILE_ROWS * (INGOT_TILE_ROWS * INGOT_PRODUCT_CHUNK)
            + (row - top) % INGOT_TILE_ROWS * 16;
        for (size_t column = 0; column < last - first; column += 16) {
            f32x16 value = ingot_load_lanes(target + column);
            memcpy(place + column * INGOT_TILE_ROWS, &value, sizeof value);
        }
    }
}

// By panels of decoded rows, which all tokens use.
static void ingot_product_panels(const ingot_product_job *job) {
    // Few tokens: the panel stays in the first-level cache. Many: their chunks are loaded less often.
    const size_t height = job->tokens <= INGOT_FEW_TOKENS ? INGOT_TILE_ROWS : INGOT_PANEL_ROWS;
    for (size_t top = job->first; top < job->last; top += height) {
        size_t end = job->last - top < height ? job->last : top + height;
        for (size_t first = 0; first < job->columns; first += INGOT_PRODUCT_CHUNK) {
            size_t last = job->columns - first < INGOT_PRODUCT_CHUNK ? job->columns : first + INGOT_PRODUCT_CHUNK;
            ingot_product_decode(job, top, end, first, last, job->panel);
            for (size_t token = 0; token < job->tokens; token += INGOT_TILE_TOKENS) {
                int tokens = job->tokens - token < INGOT_TILE_TOKENS ? (int)(job->tokens - token) : INGOT_TILE_TOKENS;
                ingot_tile tile;
                for (int index = 0; index < INGOT_TILE_TOKENS; index += 1) {
                    tile.x[index] = job->x + (token + (size_t)(index < tokens ? index : 0)) * job->x_stride + first;
                }
                for (size_t row = top; row < end; row += INGOT_TILE_ROWS) {
                    int rows = end - row < INGOT_TILE_ROWS ? (int)(end - row) : INGOT_TILE_ROWS;
                    for (int index = 0; index < INGOT_TILE_ROWS; index += 1) {
                        tile.weight[index] = (const uint8_t *)(
                            job->panel + (row - top) * INGOT_PRODUCT_CHUNK + (index < rows ? index : rows - 1) * 16);
                    }
                    ingot_tile_panel(
                        job, &tile, tokens, 0, last - first, first > 0,
                        job->target + token * job->target_stride + row, rows);
                }
            }
        }
    }
}

static void ingot_level_product(const ingot_product_job *job) {
    // Blocks that end between the lanes of a vector are decoded by the panel.
    int direct = job->type == INGOT_WEIGHT_F32
        || (job->tokens <= INGOT_DIRECT_TOKENS
            && (job->type == INGOT_WEIGHT_BF16 || job->block_columns % 16 == 0 || job->block_columns >= job->columns));
    if (direct) {
        ingot_product_direct(job);
    } else {
        ingot_product_panels(job);
    }
}
