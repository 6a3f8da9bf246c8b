// The kernels without any instruction set beyond the architecture's baseline: SSE2 on x86-64.

// SSE2 has no minimum or maximum of 32-bit integers; it has one of floats.
#define INGOT_LARGER(v, c) ((v) > (f32x16)(c) ? (v) : (f32x16)(c))
#define INGOT_SMALLER(v, c) ((v) < (f32x16)(c) ? (v) : (f32x16)(c))
#define INGOT_LEVEL_TABLE ingot_kernels_plain
#include "LevelTable.h"
