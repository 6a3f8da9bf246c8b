// Sixteen lanes as one value, for any vector width: clang cuts these types into the registers that the enabled
// instruction set has. Included by a level file after its target attribute is pushed.
//
// Magnitudes (floats without their sign) order like the integers of the same bits, so most maxima are integer ones.
#pragma once

#include <stdint.h>
#include <string.h>

#include "Kernels.h"

#pragma clang diagnostic ignored "-Wpsabi"  // every function that takes a vector is inlined

#define INGOT_INLINE static inline __attribute__((always_inline))

typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef double f64x8 __attribute__((ext_vector_type(8)));
typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef int16_t i16x32 __attribute__((ext_vector_type(32)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef int8_t i8x32 __attribute__((ext_vector_type(32)));
typedef uint8_t u8x32 __attribute__((ext_vector_type(32)));
typedef uint64_t u64x4 __attribute__((ext_vector_type(4)));
typedef uint8_t u8x64 __attribute__((ext_vector_type(64)));

#ifdef INGOT_HAS_HALF
typedef _Float16 f16x16 __attribute__((ext_vector_type(16)));
typedef _Float16 f16x32 __attribute__((ext_vector_type(32)));
#endif

#define INGOT_F32(v) __builtin_bit_cast(f32x16, (v))
#define INGOT_U32(v) __builtin_bit_cast(u32x16, (v))
#define INGOT_I32(v) __builtin_bit_cast(i32x16, (v))

// Sixteen elements; of a tail the missing ones are zero.
typedef struct {
    f32x16 magnitude;
    u32x16 sign;  // 0x80 or 0
} ingot_elements;

INGOT_INLINE ingot_elements ingot_load(const uint8_t *source, ingot_source_type type) {
    ingot_elements out;
    if (type == INGOT_SOURCE_F32) {
        u32x16 raw;
        memcpy(&raw, source, sizeof raw);
        out.magnitude = INGOT_F32(raw & 0x7fffffffu);
        out.sign = (raw >> 24) & 0x80u;
        return out;
    }
    u16x16 narrow;
    memcpy(&narrow, source, sizeof narrow);
    u32x16 raw = __builtin_convertvector(narrow, u32x16);
    out.sign = (raw >> 8) & 0x80u;
    if (type == INGOT_SOURCE_BF16) {
        out.magnitude = INGOT_F32((raw & 0x7fffu) << 16);
    } else {
        // The F16 bits moved to F32 places read 2^-112 of the value, F16 subnormals too: an exact multiplication.
        out.magnitude = INGOT_F32((raw & 0x7fffu) << 13) * 0x1p112f;
    }
    return out;
}

INGOT_INLINE ingot_elements ingot_load_tail(const uint8_t *source, ingot_source_type type, size_t count) {
    uint8_t padded[64] = {0};
    memcpy(padded, source, count * ingot_element_bytes(type));
    return ingot_load(padded, type);
}

// Low byte of each lane.
#define INGOT_NARROW(v) __builtin_convertvector((v), u8x16)

#ifndef INGOT_LARGER
// The larger and the smaller of a lane and a constant, none of them negative or NaN.
#define INGOT_LARGER(v, c) \
    INGOT_F32(__builtin_elementwise_max(INGOT_I32(v), (i32x16)__builtin_bit_cast(int32_t, (c))))
#define INGOT_SMALLER(v, c) \
    INGOT_F32(__builtin_elementwise_min(INGOT_I32(v), (i32x16)__builtin_bit_cast(int32_t, (c))))
#endif
