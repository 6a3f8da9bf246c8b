// The kernels for arm64.
#if defined(__aarch64__)
#define INGOT_HAS_HALF 1
#define INGOT_LEVEL_TABLE ingot_kernels_neon
#include "LevelTable.h"
#endif
