// Products of F32 with sums in F64, for a router: what decides a route is the sum and not its rounding.
//
// An element is the sum, in this order whatever the tile, the level or the rest of the batch: lane j of 8 takes the
// columns congruent j modulo 8 of one chunk of INGOT_PRODUCT_CHUNK columns, each by a fused multiply-add, ascending;
// the lanes are halved three times (j + (j + 4), then 2, 1). The chunks' sums are added ascending and rounded once.
// A product of two F32 is exact in F64, so that fusing it changes nothing and no level needs the instruction.
#pragma once

#include "ProductTile.h"

// Elements of a target whose F64 sums are held at a time.
#define INGOT_WIDE_ROWS 64

INGOT_INLINE f64x8 ingot_wide_lanes(const float *source) {
    f32x8 value;
    memcpy(&value, source, sizeof value);
    return __builtin_convertvector(value, f64x8);
}

INGOT_INLINE double ingot_wide_fold(f64x8 v) {
    double a = v[0] + v[4], b = v[1] + v[5], c = v[2] + v[6], d = v[3] + v[7];
    return (a + c) + (b + d);
}

// Some tokens by some rows, columns [0, count): added to the sums, INGOT_WIDE_ROWS apart.
INGOT_INLINE void ingot_wide_tile(
    const float *const *x, int tokens, const float *const *weight, size_t count, double *target, int rows)
{
    f64x8 sums[INGOT_TILE_TOKENS][INGOT_TILE_ROWS];
    INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            sums[token][row] = (f64x8)0.0;
        }
    }
    for (size_t column = 0; column < count; column += 8) {
        f64x8 factor[INGOT_TILE_ROWS];
        const float *from[INGOT_TILE_TOKENS];
        float room[INGOT_TILE_ROWS + INGOT_TILE_TOKENS][8];
        if (__builtin_expect(count - column < 8, 0)) {
            memset(room, 0, sizeof room);
            for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
                memcpy(room[row], weight[row] + column, (count - column) * sizeof(float));
                factor[row] = ingot_wide_lanes(room[row]);
            }
            for (int token = 0; token < tokens; token += 1) {
                memcpy(room[INGOT_TILE_ROWS + token], x[token] + column, (count - column) * sizeof(float));
                from[token] = room[INGOT_TILE_ROWS + token];
            }
        } else {
            INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
                factor[row] = ingot_wide_lanes(weight[row] + column);
            }
            INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
                from[token] = x[token] + column;
            }
        }
        INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
            f64x8 value = ingot_wide_lanes(from[token]);
            INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
                sums[token][row] += value * factor[row];
            }
        }
    }
    INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
        INGOT_UNROLL for (int row = 0; row < INGOT_TILE_ROWS; row += 1) {
            if (row < rows) {
                target[token * INGOT_WIDE_ROWS + row] += ingot_wide_fold(sums[token][row]);
            }
        }
    }
}

static __attribute__((noinline)) void ingot_wide_tile_of(
    const float *const *x, int tokens, const float *const *weight, size_t count, double *target, int rows)
{
    switch (tokens) {
    case 1:
        ingot_wide_tile(x, 1, weight, count, target, rows);
        break;
    case INGOT_TILE_TOKENS:
        ingot_wide_tile(x, INGOT_TILE_TOKENS, weight, count, target, rows);
        break;
    default:
        for (int token = 0; token < tokens; token += 1) {
            ingot_wide_tile(x + token, 1, weight, count, target + token * INGOT_WIDE_ROWS, rows);
        }
    }
}

static void ingot_level_wide_product(const ingot_wide_job *job) {
    for (size_t top = 0; top < job->rows; top += INGOT_WIDE_ROWS) {
        size_t height = job->rows - top < INGOT_WIDE_ROWS ? job->rows - top : INGOT_WIDE_ROWS;
        for (size_t token = 0; token < job->tokens; token += INGOT_TILE_TOKENS) {
            int tokens = job->tokens - token < INGOT_TILE_TOKENS ? (int)(job->tokens - token) : INGOT_TILE_TOKENS;
            double sums[INGOT_TILE_TOKENS * INGOT_WIDE_ROWS] = {0};
            for (size_t first = 0; first < job->columns; first += INGOT_PRODUCT_CHUNK) {
                size_t left = job->columns - first;
                const float *x[INGOT_TILE_TOKENS];
                for (int index = 0; index < INGOT_TILE_TOKENS; index += 1) {
                    x[index] = job->x + (token + (size_t)(index < tokens ? index : 0)) * job->x_stride + first;
                }
                for (size_t row = 0; row < height; row += INGOT_TILE_ROWS) {
                    const float *weight[INGOT_TILE_ROWS];
                    for (size_t index = 0; index < INGOT_TILE_ROWS; index += 1) {
                        size_t source = top + (row + index < height ? row + index : height - 1);
                        weight[index] = job->weight + source * job->weight_stride + first;
                    }
                    ingot_wide_tile_of(
                        x, tokens, weight, left < INGOT_PRODUCT_CHUNK ? left : INGOT_PRODUCT_CHUNK, sums + row,
                        height - row < INGOT_TILE_ROWS ? (int)(height - row) : INGOT_TILE_ROWS);
                }
            }
            for (size_t index = 0; index < (size_t)tokens; index += 1) {
                for (size_t row = 0; row < height; row += 1) {
                    job->target[(token + index) * job->target_stride + top + row] =
                        (float)sums[index * INGOT_WIDE_ROWS + row];
                }
            }
        }
    }
}

static void ingot_level_widen(const uint8_t *source, size_t count, float *target) {
    size_t place = 0;
    for (; place + 16 <= count; place += 16) {
        f32x16 value = ingot_weight_lanes(source, place, INGOT_WEIGHT_BF16, 0);
        memcpy(target + place, &value, sizeof value);
    }
    for (; place < count; place += 1) {
        uint16_t narrow;
        memcpy(&narrow, source + place * 2, sizeof narrow);
        uint32_t bits = (uint32_t)narrow << 16;
        memcpy(target + place, &bits, sizeof bits);
    }
}
