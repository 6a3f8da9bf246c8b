// Searches for the first element of a kind. Chunks are tested as a whole and only a chunk with a hit is looked at
// element by element, so the rare case costs nothing.
#pragma once

#include "Lanes.h"

#define INGOT_CHUNK 256  // bytes

INGOT_INLINE int ingot_is_non_finite(const uint8_t *element, ingot_source_type type) {
    if (type == INGOT_SOURCE_F32) {
        uint32_t bits;
        memcpy(&bits, element, sizeof bits);
        return (bits & 0x7f800000u) == 0x7f800000u;
    }
    uint16_t bits;
    memcpy(&bits, element, sizeof bits);
    const uint16_t exponent = type == INGOT_SOURCE_BF16 ? 0x7f80 : 0x7c00;
    return (bits & exponent) == exponent;
}

INGOT_INLINE int ingot_chunk_has_non_finite(const uint8_t *chunk, ingot_source_type type) {
    if (type == INGOT_SOURCE_F32) {
        i32x16 v[4];
        memcpy(v, chunk, sizeof v);
        i32x16 maximum = v[0] & 0x7fffffff;
        for (int i = 1; i < 4; i += 1) {
            maximum = __builtin_elementwise_max(maximum, v[i] & 0x7fffffff);
        }
        return __builtin_reduce_or(maximum > (i32x16)0x7f7fffff) != 0;
    }
    i16x32 v[4];
    memcpy(v, chunk, sizeof v);
    i16x32 maximum = v[0] & (int16_t)0x7fff;
    for (int i = 1; i < 4; i += 1) {
        maximum = __builtin_elementwise_max(maximum, v[i] & (int16_t)0x7fff);
    }
    const i16x32 limit = (int16_t)(type == INGOT_SOURCE_BF16 ? 0x7f7f : 0x7bff);
    return __builtin_reduce_or(maximum > limit) != 0;
}

INGOT_INLINE size_t ingot_first_non_finite_of(const uint8_t *source, ingot_source_type type, size_t count) {
    const size_t size = ingot_element_bytes(type);
    const size_t step = INGOT_CHUNK / size;
    size_t index = 0;
    while (count - index >= step && !ingot_chunk_has_non_finite(source + index * size, type)) {
        index += step;
    }
    while (index < count && !ingot_is_non_finite(source + index * size, type)) {
        index += 1;
    }
    return index;
}

static size_t ingot_level_first_non_finite(const uint8_t *source, ingot_source_type type, size_t count) {
    switch (type) {
    case INGOT_SOURCE_BF16: return ingot_first_non_finite_of(source, INGOT_SOURCE_BF16, count);
    case INGOT_SOURCE_F16: return ingot_first_non_finite_of(source, INGOT_SOURCE_F16, count);
    case INGOT_SOURCE_F32: return ingot_first_non_finite_of(source, INGOT_SOURCE_F32, count);
    }
    return count;
}

static size_t ingot_level_first_nan_code(const uint8_t *codes, size_t count) {
    size_t index = 0;
    for (; count - index >= INGOT_CHUNK; index += INGOT_CHUNK) {
        u8x64 v[4];
        memcpy(v, codes + index, sizeof v);
        // Without its sign a NaN code is the largest there is.
        u8x64 maximum = v[0] & 0x7f;
        for (int i = 1; i < 4; i += 1) {
            maximum = __builtin_elementwise_max(maximum, v[i] & 0x7f);
        }
        if (__builtin_reduce_or(maximum == 0x7f) != 0) {
            break;
        }
    }
    while (index < count && (codes[index] & 0x7f) != 0x7f) {
        index += 1;
    }
    return index;
}

static int ingot_level_all_zero(const uint8_t *bytes, size_t count) {
    size_t index = 0;
    for (; count - index >= INGOT_CHUNK; index += INGOT_CHUNK) {
        u32x16 v[4];
        memcpy(v, bytes + index, sizeof v);
        if (__builtin_reduce_or((v[0] | v[1]) | (v[2] | v[3])) != 0) {
            return 0;
        }
    }
    while (index < count && bytes[index] == 0) {
        index += 1;
    }
    return index == count;
}
