// Decoding of part of a row with one scale.
//
// A magnitude code moved to F32 places and rebiased reads its value, except for the subnormal codes 0 ... 7: those are
// read as 2^-6 (1 + m / 8) and have the 2^-6 taken off again, exactly.
#pragma once

#include "Lanes.h"

INGOT_INLINE f32x16 ingot_decode_lanes(u8x16 narrow, f32x16 scale) {
    u32x16 code = __builtin_convertvector(narrow, u32x16);
    u32x16 magnitude = code & 0x7fu;
    u32x16 sign = (code & 0x80u) << 24;
    u32x16 subnormal = INGOT_U32(INGOT_I32(magnitude) < 8);
    u32x16 bits = (magnitude << 20) + (120u << 23) + (subnormal & (1u << 23));
    f32x16 value = INGOT_F32(bits) - INGOT_F32(subnormal & (121u << 23));
    f32x16 product = INGOT_F32(INGOT_U32(value) | sign) * scale;
    // Chosen, not or-ed in: what is left of a mantissa could carry out of the NaN when it is rounded to BF16.
    return INGOT_I32(magnitude) == 0x7f ? INGOT_F32(sign | 0x7fc00000u) : product;
}

INGOT_INLINE void ingot_decode_store(f32x16 value, uint8_t *target, ingot_target_type type) {
    if (type == INGOT_TARGET_F32) {
        memcpy(target, &value, sizeof value);
    } else {
        u32x16 bits = INGOT_U32(value);
        u16x16 out = __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, u16x16);
        memcpy(target, &out, sizeof out);
    }
}

INGOT_INLINE void ingot_decode_row_to(
    const uint8_t *codes, size_t count, float scale, uint8_t *target, ingot_target_type type)
{
    const size_t size = type == INGOT_TARGET_F32 ? 4 : 2;
    const f32x16 scales = scale;
    size_t column = 0;
    for (; column + 16 <= count; column += 16) {
        u8x16 code;
        memcpy(&code, codes + column, sizeof code);
        ingot_decode_store(ingot_decode_lanes(code, scales), target + column * size, type);
    }
    if (column < count) {
        uint8_t padded[16] = {0}, out[64];
        memcpy(padded, codes + column, count - column);
        u8x16 code;
        memcpy(&code, padded, sizeof code);
        ingot_decode_store(ingot_decode_lanes(code, scales), out, type);
        memcpy(target + column * size, out, (count - column) * size);
    }
}

static void ingot_decode_row(
    const uint8_t *codes, size_t count, float scale, uint8_t *target, ingot_target_type type)
{
    if (type == INGOT_TARGET_F32) {
        ingot_decode_row_to(codes, count, scale, target, INGOT_TARGET_F32);
    } else {
        ingot_decode_row_to(codes, count, scale, target, INGOT_TARGET_BF16);
    }
}
