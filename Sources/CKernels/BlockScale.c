// The scale of a block from its absmax.
#include <string.h>

#include "Kernels.h"

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float power_of_two(int exponent) {  // -126 ... 127
    return float_of((uint32_t)(exponent + 127) << 23);
}

static float rounded_up(float scale) {
    uint32_t bits = bits_of(scale);
    int exponent = (int)(bits >> 23) - 127 + ((bits & 0x7fffff) != 0);
    return power_of_two(exponent > 127 ? 127 : exponent);
}

// exp2(ceil(log2 s)) with log2 rounded to F32, by integers.
//
// For s = (1 + m 2^-23) 2^e, log2 s = e + log2(1 + m 2^-23) rounds to the integer e where the second term is below
// half of the F32 spacing above e. That spacing is 2^(k - 23), k the exponent of |e|, or one less just above a
// negative power of two; half of it is 2^(k - 24), which bounds m by ln 2 x 2^(k - 1), hence the table.
static float rounded_up_by_log2(float scale) {
    static const uint32_t largest_lost[7] = {0, 0, 1, 2, 5, 11, 22};
    uint32_t bits = bits_of(scale);
    int exponent = (int)(bits >> 23) - 127;
    int distance = exponent < 0 ? -exponent - 1 : exponent;
    int k = 0;
    while (distance >> (k + 1)) {
        k += 1;
    }
    return (bits & 0x7fffff) <= largest_lost[k] ? power_of_two(exponent) : rounded_up(scale);
}

static float bf16_scale(float amax) {
    uint32_t bits = bits_of(amax / 448.0f);
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000u;
    return bits == 0 ? 0x1p-7f : float_of(bits);
}

float ingot_block_scale(ingot_scale_rule rule, float amax, float amax_floor, float zero_scale) {
    if (rule == INGOT_SCALE_BF16) {
        return bf16_scale(amax);
    }
    float scale = (amax > amax_floor ? amax : amax_floor) / 448.0f;
    if (scale < 0x1p-126f) {
        return zero_scale;
    }
    switch (rule) {
    case INGOT_SCALE_UE8M0:
        return rounded_up(scale);
    case INGOT_SCALE_UE8M0_LOG2:
        return rounded_up_by_log2(scale);
    default:
        return scale;
    }
}
