// The kernels for x86-64 with AVX2.
#if defined(__x86_64__)
#include <stdint.h>
#include <string.h>

#include "Kernels.h"

// Everything included before is declared without the attribute.
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define INGOT_HAS_HALF 1
#define INGOT_LEVEL_TABLE ingot_kernels_avx2
#include "LevelTable.h"
#pragma clang attribute pop
#endif
