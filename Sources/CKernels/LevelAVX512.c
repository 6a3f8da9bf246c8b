// The kernels for x86-64 with AVX-512.
#if defined(__x86_64__)
#include <stdint.h>
#include <string.h>

#include "Kernels.h"

// Everything included before is declared without the attribute.
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define INGOT_LEVEL_TABLE ingot_kernels_avx512
#include "LevelTable.h"
#pragma clang attribute pop
#endif
