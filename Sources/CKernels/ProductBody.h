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

static __attribute__((noinline)) void ingot_tile_e4m3_as_bf16(
    const ingot_product_job *job, const ingot_tile *tile, int tokens, size_t first, size_t last, int adds,
    float *target, int rows)
{
    ingot_tile_of(job, tile, INGOT_WEIGHT_E4M3_AS_BF16, tokens, first, last, adds, target, rows);
}

static __attribute__((noinline)) void ingot_tile_e4m3_as_f16(
    const ingot_product_job *job, const ingot_tile *tile, int tokens, size_t first, size_t last, int adds,
    float *target, int rows)
{
    ingot_tile_of(job, tile, INGOT_WEIGHT_E4M3_AS_F16, tokens, first, last, adds, target, rows);
}

// Straight from the stored weight, for a few tokens.
static void ingot_product_direct(const ingot_product_job *job) {
    const size_t size = ingot_weight_bytes(job->type);
    // Decoding codes takes registers.
    const size_t height = ingot_weight_is_codes(job->type) ? INGOT_CODE_TOKENS : INGOT_TILE_TOKENS;
    void (*multiply)(const ingot_product_job *, const ingot_tile *, int, size_t, size_t, int, float *, int) =
        job->type == INGOT_WEIGHT_F32 ? ingot_tile_f32
        : job->type == INGOT_WEIGHT_BF16 ? ingot_tile_bf16
        : job->type == INGOT_WEIGHT_E4M3 ? ingot_tile_e4m3
        : job->type == INGOT_WEIGHT_E4M3_AS_BF16 ? ingot_tile_e4m3_as_bf16 : ingot_tile_e4m3_as_f16;
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
                    tile.scale[index] = ingot_weight_is_codes(job->type)
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
INGOT_INLINE void ingot_product_codes_of(
    const uint8_t *codes, ingot_weight_type type, size_t count, float scale, float *target)
{
    size_t column = 0;
#ifdef INGOT_HAS_HALF
    u8x32 nan = (u8x32)(uint8_t)0;
    const float large = scale * 0x1p8f;
    for (; column + 32 <= count; column += 32) {
        ingot_halves value = ingot_code_halves(codes + column, type, large, &nan);
        memcpy(target + column, &value, sizeof value);
    }
    if (__builtin_reduce_or(__builtin_bit_cast(u64x4, nan)) & 0x8080808080808080u) {
        column = 0;
    }
#endif
    for (; column < count; column += 16) {
        const size_t left = count - column < 16 ? count - column : 16;
        uint8_t padded[16] = {0};
        memcpy(padded, codes + column, left);
        f32x16 value = ingot_weight_lanes(padded, 0, type, scale);
        memcpy(target + column, &value, left * sizeof(float));
    }
}

static void ingot_product_codes(
    const uint8_t *codes, ingot_weight_type type, size_t count, float scale, float *target)
{
    if (type == INGOT_WEIGHT_E4M3) {
        ingot_product_codes_of(codes, INGOT_WEIGHT_E4M3, count, scale, target);
    } else if (type == INGOT_WEIGHT_E4M3_AS_BF16) {
        ingot_product_codes_of(codes, INGOT_WEIGHT_E4M3_AS_BF16, count, scale, target);
    } else {
        ingot_product_codes_of(codes, INGOT_WEIGHT_E4M3_AS_F16, count, scale, target);
    }
}

// Rows side by side as F32: sixteen columns of each, then the next sixteen, the last ones filled up with zeros.
INGOT_INLINE void ingot_product_pack(
    const uint8_t *const *rows, int height, ingot_weight_type type, size_t count, float *target)
{
    size_t column = 0;
    for (; column + 16 <= count; column += 16) {
        INGOT_UNROLL for (int row = 0; row < height; row += 1) {
            f32x16 value = ingot_weight_lanes(rows[row], column, type, 0);
            memcpy(target + column * (size_t)height + row * 16, &value, sizeof value);
        }
    }
    if (column < count) {
        const size_t size = ingot_weight_bytes(type);
        for (int row = 0; row < height; row += 1) {
            uint8_t padded[64] = {0};
            memcpy(padded, rows[row] + column * size, (count - column) * size);
            f32x16 value = ingot_weight_lanes(padded, 0, type, 0);
            memcpy(target + column * (size_t)height + row * 16, &value, sizeof value);
        }
    }
}

// Columns of a row of codes as F32.
INGOT_INLINE void ingot_product_code_row(
    const ingot_product_job *job, size_t row, size_t first, size_t last, float *target)
{
    const uint8_t *source = (const uint8_t *)job->weight + row * job->weight_stride;
    const float *scale = job->scales + row / job->block_rows * job->scales_stride;
    for (size_t column = first; column < last;) {
        size_t block = column / job->block_columns;
        size_t edge = (block + 1) * job->block_columns;
        edge = edge < last ? edge : last;
        for (size_t line = column; line < edge; line += 64) {
            __builtin_prefetch(source + line + INGOT_PRODUCT_CHUNK);
        }
        ingot_product_codes(source + column, job->type, edge - column, scale[block], target + column - first);
        column = edge;
    }
}

// Columns of some rows of the weight, packed tile by tile; the last tile repeats its last row.
static void ingot_product_decode(
    const ingot_product_job *job, size_t top, size_t end, size_t first, size_t last, float *panel)
{
    const size_t size = ingot_weight_bytes(job->type);
    for (size_t tile = top; tile < end; tile += INGOT_TILE_ROWS, panel += INGOT_TILE_ROWS * INGOT_PRODUCT_CHUNK) {
        float lines[INGOT_TILE_ROWS][INGOT_PRODUCT_CHUNK];
        const uint8_t *rows[INGOT_TILE_ROWS];
        for (size_t index = 0; index < INGOT_TILE_ROWS; index += 1) {
            size_t row = tile + index < end ? tile + index : end - 1;
            rows[index] = (const uint8_t *)job->weight + (row * job->weight_stride + first) * size;
            if (ingot_weight_is_codes(job->type)) {
                ingot_product_code_row(job, row, first, last, lines[index]);
                rows[index] = (const uint8_t *)lines[index];
            }
        }
        if (job->type == INGOT_WEIGHT_BF16) {
            ingot_product_pack(rows, INGOT_TILE_ROWS, INGOT_WEIGHT_BF16, last - first, panel);
        } else {
            ingot_product_pack(rows, INGOT_TILE_ROWS, INGOT_WEIGHT_F32, last - first, panel);
        }
    }
}

// Columns of a tile of tokens, packed; a last tile repeats its first token.
static void ingot_product_gather(
    const ingot_product_job *job, size_t token, size_t first, size_t last, float *packed)
{
    const uint8_t *rows[INGOT_TILE_TOKENS];
    for (size_t index = 0; index < INGOT_TILE_TOKENS; index += 1) {
        size_t source = token + index < job->tokens ? token + index : token;
        rows[index] = (const uint8_t *)(job->x + source * job->x_stride + first);
    }
    ingot_product_pack(rows, INGOT_TILE_TOKENS, INGOT_WEIGHT_F32, last - first, packed);
}

// Asks for a share of the next tokens' columns.
INGOT_INLINE void ingot_product_ahead(
    const ingot_product_job *job, size_t token, size_t first, size_t last, size_t share)
{
    const size_t width = INGOT_PRODUCT_CHUNK / (INGOT_PANEL_ROWS / INGOT_TILE_ROWS);
    size_t column = first + share * width;
    if (token + INGOT_TILE_TOKENS > job->tokens || column + width > last) {
        return;
    }
    const float *x = job->x + token * job->x_stride + column;
    INGOT_UNROLL for (size_t index = 0; index < INGOT_TILE_TOKENS; index += 1) {
        INGOT_UNROLL for (size_t line = 0; line < width; line += 16) {
            __builtin_prefetch(x + index * job->x_stride + line, 0, 2);
        }
    }
}

// A tile of packed tokens by a tile of a panel.
INGOT_INLINE void ingot_product_step(
    const ingot_product_job *job, const float *packed, const float *panel, size_t token, size_t row, size_t end,
    size_t first, size_t last)
{
    ingot_tile tile = {.x = {packed}};
    int tokens = job->tokens - token < INGOT_TILE_TOKENS ? (int)(job->tokens - token) : INGOT_TILE_TOKENS;
    int rows = end - row < INGOT_TILE_ROWS ? (int)(end - row) : INGOT_TILE_ROWS;
    for (int index = 0; index < INGOT_TILE_ROWS; index += 1) {
        tile.weight[index] = (const uint8_t *)(panel + index * 16);
    }
    ingot_tile_panel(
        job, &tile, tokens, 0, (last - first + 15) / 16 * 16, first > 0,
        job->target + token * job->target_stride + row, rows);
}

// By panels of decoded rows, which all tokens use.
static void ingot_product_panels(const ingot_product_job *job) {
    const size_t tile = INGOT_TILE_TOKENS * INGOT_PRODUCT_CHUNK;
    float *const scratch = (float *)(((uintptr_t)job->panel + 63) / 64 * 64);
    for (size_t top = job->first; top < job->last; top += INGOT_PANEL_ROWS) {
        size_t end = job->last - top < INGOT_PANEL_ROWS ? job->last : top + INGOT_PANEL_ROWS;
        for (size_t first = 0; first < job->columns; first += INGOT_PRODUCT_CHUNK) {
            size_t last = job->columns - first < INGOT_PRODUCT_CHUNK ? job->columns : first + INGOT_PRODUCT_CHUNK;
            if (job->tokens <= INGOT_FEW_TOKENS) {
                // All tokens are packed, and a tile of the weight stays in the first-level cache meanwhile.
                float *panel = scratch + (INGOT_FEW_TOKENS + INGOT_TILE_TOKENS) * INGOT_PRODUCT_CHUNK;
                for (size_t token = 0; token < job->tokens; token += INGOT_TILE_TOKENS) {
                    ingot_product_gather(job, token, first, last, scratch + token / INGOT_TILE_TOKENS * tile);
                }
                for (size_t row = top; row < end; row += INGOT_TILE_ROWS) {
                    size_t edge = end - row < INGOT_TILE_ROWS ? end : row + INGOT_TILE_ROWS;
                    ingot_product_decode(job, row, edge, first, last, panel);
                    for (size_t token = 0; token < job->tokens; token += INGOT_TILE_TOKENS) {
                        ingot_product_step(
                            job, scratch + token / INGOT_TILE_TOKENS * tile, panel, token, row, end, first, last);
                    }
                }
                continue;
            }
            // All rows are decoded, and a tile of tokens stays in the first-level cache meanwhile.
            float *panel = scratch + tile;
            ingot_product_decode(job, top, end, first, last, panel);
            for (size_t token = 0; token < job->tokens; token += INGOT_TILE_TOKENS) {
                ingot_product_gather(job, token, first, last, scratch);
                for (size_t row = top; row < end; row += INGOT_TILE_ROWS) {
                    ingot_product_ahead(job, token + INGOT_TILE_TOKENS, first, last, (row - top) / INGOT_TILE_ROWS);
                    ingot_product_step(
                        job, scratch, panel + (row - top) * INGOT_PRODUCT_CHUNK, token, row, end, first, last);
                }
            }
        }
    }
}

static void ingot_level_product(const ingot_product_job *job) {
    // Blocks that end between the lanes of a vector are decoded by the panel.
    int direct = !ingot_weight_is_codes(job->type)
        ? job->tokens <= INGOT_DIRECT_TOKENS
        : job->tokens <= (job->type == INGOT_WEIGHT_E4M3 ? INGOT_DIRECT_CODE_TOKENS : INGOT_CODE_TOKENS)
            && (job->block_columns % 16 == 0 || job->block_columns >= job->columns);
    if (direct) {
        ingot_product_direct(job);
    } else {
        ingot_product_panels(job);
    }
}
