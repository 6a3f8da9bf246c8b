// The kernels without any instruction set beyond the architecture's baseline: SSE2 on x86-64.
#define INGOT_LEVEL_TABLE ingot_kernels_plain
#include "LevelTable.h"
