// Weighted sums of rows, as attention takes them: sixteen channels in the lanes of a vector, and one vector of sums for
// each remainder of a row's number modulo 16. Those are the lanes of ProductTile.h, so the sums are the same ones.
#pragma once

#include "ProductTile.h"

// Tokens of one tile; four vectors of sums each.
#ifndef INGOT_MIX_TOKENS
#define INGOT_MIX_TOKENS 1
#endif

// Tokens from which the rows' channels are packed, as each is read for every tile anew.
#define INGOT_MIX_PACKED 12

// Rows [first, last) of a chunk and sixteen channels: the sums of one remainder modulo 4, as the lanes are halved.
INGOT_INLINE void ingot_mix_quarter(
    const float *const *x, int tokens, const float *rows, size_t stride, size_t first, size_t last, f32x16 *quarter)
{
    f32x16 sums[INGOT_MIX_TOKENS][4];
    INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
        INGOT_UNROLL for (int lane = 0; lane < 4; lane += 1) {
            sums[token][lane] = (f32x16)0.0f;
        }
    }
    size_t row = first;
    for (; row + 12 < last; row += 16) {
        INGOT_UNROLL for (int lane = 0; lane < 4; lane += 1) {
            f32x16 value = ingot_load_lanes(rows + (row + 4 * (size_t)lane) * stride);
            INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
                sums[token][lane] = __builtin_elementwise_fma(
                    (f32x16)x[token][row + 4 * (size_t)lane], value, sums[token][lane]);
            }
        }
    }
    INGOT_UNROLL for (int lane = 0; lane < 3; lane += 1) {
        if (row + 4 * (size_t)lane < last) {
            f32x16 value = ingot_load_lanes(rows + (row + 4 * (size_t)lane) * stride);
            INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
                sums[token][lane] = __builtin_elementwise_fma(
                    (f32x16)x[token][row + 4 * (size_t)lane], value, sums[token][lane]);
            }
        }
    }
    INGOT_UNROLL for (int token = 0; token < tokens; token += 1) {
        quarter[token] = (sums[token][0] + sums[token][2]) + (sums[token][1] + sums[token][3]);
    }
}

// One chunk of rows and sixteen channels, of which `width` are stored.
INGOT_INLINE void ingot_mix_tile(
    const float *const *x, int tokens, const float *rows, size_t stride, size_t count, int adds, float *target,
    size_t target_stride, size_t width)
{
    f32x16 quarters[4][INGOT_MIX_TOKENS];
    for (size_t quarter = 0; quarter < 4; quarter += 1) {
        ingot_mix_quarter(x, tokens, rows, stride, quarter, count, quarters[quarter]);
    }
    for (int token = 0; token < tokens; token += 1) {
        f32x16 sum = (quarters[0][token] + quarters[2][token]) + (quarters[1][token] + quarters[3][token]);
        float *line = target + (size_t)token * target_stride;
        f32x16 old = (f32x16)0.0f;
        if (adds) {
            memcpy(&old, line, width * sizeof(float));
            sum = old + sum;
        }
        memcpy(line, &sum, width * sizeof(float));
    }
}

// All tokens by one chunk of rows and sixteen channels.
static __attribute__((noinline)) void ingot_mix_strip(
    const ingot_mix_job *job, size_t first, size_t count, const float *rows, size_t stride, size_t channel)
{
    const size_t left = job->width - channel;
    for (size_t token = 0; token < job->tokens; token += INGOT_MIX_TOKENS) {
        const float *x[INGOT_MIX_TOKENS];
        int tokens = job->tokens - token < INGOT_MIX_TOKENS ? (int)(job->tokens - token) : INGOT_MIX_TOKENS;
        for (size_t index = 0; index < INGOT_MIX_TOKENS; index += 1) {
            x[index] = job->x + (token + (index < (size_t)tokens ? index : 0)) * job->x_stride + first;
        }
        float *target = job->target + token * job->target_stride + channel;
#define INGOT_CASE(n) \
    case n: \
        ingot_mix_tile( \
            x, n, rows, stride, count, first > 0, target, job->target_stride, left < 16 ? left : 16); \
        break
        switch (tokens) {
            INGOT_CASE(1);
#if INGOT_MIX_TOKENS > 1
            INGOT_CASE(2);
            INGOT_CASE(3);
            INGOT_CASE(4);
            INGOT_CASE(5);
            INGOT_CASE(6);
#endif
        }
#undef INGOT_CASE
    }
}

static void ingot_level_mix(const ingot_mix_job *job) {
    float *const packed = (float *)(((uintptr_t)job->panel + 63) / 64 * 64);
    for (size_t first = 0; first < job->count; first += INGOT_PRODUCT_CHUNK) {
        size_t count = job->count - first < INGOT_PRODUCT_CHUNK ? job->count - first : INGOT_PRODUCT_CHUNK;
        for (size_t channel = 0; channel < job->width; channel += 16) {
            const float *rows = job->rows + first * job->rows_stride + channel;
            size_t left = job->width - channel;
            if (job->tokens < INGOT_MIX_PACKED && left >= 16) {
                ingot_mix_strip(job, first, count, rows, job->rows_stride, channel);
                continue;
            }
            for (size_t row = 0; row < count; row += 1) {
                f32x16 value = (f32x16)0.0f;
                memcpy(&value, rows + row * job->rows_stride, (left < 16 ? left : 16) * sizeof(float));
                memcpy(packed + row * 16, &value, sizeof value);
            }
            ingot_mix_strip(job, first, count, packed, 16, channel);
        }
    }
    for (size_t token = 0; token < job->tokens && job->count == 0; token += 1) {
        memset(job->target + token * job->target_stride, 0, job->width * sizeof(float));
    }
}
