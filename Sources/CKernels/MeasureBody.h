// What a core can do at most, for measurements to be compared with: fused multiply-adds in registers, and reading.
#pragma once

#include "Lanes.h"

// Sixteen lanes, twelve independent chains: enough for the latency of any core, few enough for its registers.
static float ingot_level_multiply_add(size_t rounds) {
    f32x16 sums[12];
    f32x16 factor = (f32x16)0.999f;
    f32x16 summand = (f32x16)0.5f;
    for (int chain = 0; chain < 12; chain += 1) {
        sums[chain] = (f32x16)(float)chain;
    }
    for (size_t round = 0; round < rounds; round += 1) {
        _Pragma("clang loop unroll(full)") for (int chain = 0; chain < 12; chain += 1) {
            sums[chain] = __builtin_elementwise_fma(sums[chain], factor, summand);
        }
    }
    float result = 0;
    for (int chain = 0; chain < 12; chain += 1) {
        result += sums[chain][chain];
    }
    return result;
}

static uint64_t ingot_level_read(const uint8_t *bytes, size_t count) {
    u32x16 sums[4] = {0, 0, 0, 0};
    for (size_t place = 0; place + 256 <= count; place += 256) {
        _Pragma("clang loop unroll(full)") for (int part = 0; part < 4; part += 1) {
            u32x16 value;
            memcpy(&value, bytes + place + part * 64, sizeof value);
            sums[part] ^= value;
        }
    }
    sums[0] ^= sums[1] ^ sums[2] ^ sums[3];
    return __builtin_reduce_xor(sums[0]);
}
