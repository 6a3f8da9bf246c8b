// The kernels for x86-64 with AVX-512.
#if defined(__x86_64__)
#include <stdint.h>
#include <string.h>

#include "Kernels.h"

// Everything included before is declared without the attribute.
#pragma clang attribute push(__attribute__((target("fma,f16c,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define INGOT_TILE_TOKENS 6
#define INGOT_TILE_ROWS 4
#define INGOT_CODE_TOKENS 4
#define INGOT_MIX_TOKENS 6
#define INGOT_HAS_HALF 1
#define INGOT_LEVEL_TABLE ingot_kernels_avx512
#include "LevelTable.h"
#pragma clang attribute pop
#endif
