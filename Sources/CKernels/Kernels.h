// The work that differs by SIMD level, as one table per level. Dispatch.c picks a table; Encode.c, Decode.c and Scans.c
// walk matrices and call into it. The bodies are written once, in EncodeBody.h, DecodeBody.h and ScanBody.h, on
// 16-lane vectors of clang, and compiled once per level with that level's instruction set.
#pragma once

#include "CKernels.h"

// Blocks whose absmax is taken in one pass over rows; bounds a table on the stack.
#define INGOT_TILE_BLOCKS 256

// Sixteen partial sums of a block, in units of its scale, as the header defines them.
typedef struct {
    float error[16];
    float signal[16];
    uint32_t worst[16];      // bits of the largest |error|
    uint32_t saturated[16];
} ingot_lane_sums;

typedef enum {
    INGOT_GATHER_NOTHING,
    INGOT_GATHER_ERRORS,
    INGOT_GATHER_ERRORS_AND_SATURATION,
} ingot_gather;

// Which arithmetic a block is encoded with.
typedef enum {
    INGOT_QUOTIENT_PLAIN,    // no quotient is above 464
    INGOT_QUOTIENT_BF16,     // rounded to BF16, clamped
    INGOT_QUOTIENT_CLAMPED,  // the scale was searched: any quotient
} ingot_quotient;

// One block to encode with a known scale.
typedef struct {
    const uint8_t *source;
    size_t source_stride;  // bytes
    size_t rows;
    size_t columns;
    float scale;
    uint8_t *codes;
    size_t codes_stride;
} ingot_block;

typedef struct {
    // Largest magnitude bits (the element without its sign) of each of the blocks side by side in a tile.
    void (*tile_maxima)(
        const uint8_t *source, size_t stride, ingot_source_type type, size_t rows, size_t columns,
        size_t block_columns, uint32_t *maxima);
    void (*encode_block)(
        const ingot_block *block, ingot_source_type type, ingot_quotient quotient, ingot_gather gather,
        ingot_lane_sums *sums);
    // Squared error of a block under a scale, in 16 lanes, in units of the scale; nothing is written.
    void (*search_error)(
        const ingot_block *block, ingot_source_type type, const float *column_weights, float *lanes);
    void (*decode_row)(const uint8_t *codes, size_t count, float scale, uint8_t *target, ingot_target_type type);
    size_t (*first_non_finite)(const uint8_t *source, ingot_source_type type, size_t count);
    size_t (*first_nan_code)(const uint8_t *codes, size_t count);
    int (*all_zero)(const uint8_t *bytes, size_t count);
    void (*product)(const ingot_product_job *job);
    void (*mix)(const ingot_mix_job *job);
    void (*wide_product)(const ingot_wide_job *job);
    void (*widen)(const uint8_t *source, size_t count, float *target);
    void (*rms_forward)(const ingot_rms_job *job);
    void (*rms_backward)(const ingot_rms_job *job);
    void (*gated_forward)(const float *gate_up, size_t rows, size_t width, float *unit);
    void (*gated_backward)(float *gate_up, size_t rows, size_t width, const float *unit_gradient);
    void (*rotate)(const ingot_rotate_job *job);
    float (*softmax)(float *x, size_t count);
    float (*log_sum)(const float *x, size_t count, int32_t *choice);
    ingot_cross_entropy (*cross_entropy)(
        float *logits, const float *teacher, size_t count, float mass, float weight);
    void (*attend_forward)(const ingot_attend_job *job);
    void (*attend_extra)(const ingot_attend_job *job);
    void (*attend_backward)(const ingot_attend_job *job);
    void (*add_rows)(float *target, const float *source, size_t count);
    double (*square_sum)(const float *x, size_t count);
    void (*adam)(const ingot_adam_job *job);
    float (*multiply_add)(size_t rounds);
    uint64_t (*read)(const uint8_t *bytes, size_t count);
} ingot_kernels;

extern const ingot_kernels ingot_kernels_plain;
#if defined(__aarch64__)
extern const ingot_kernels ingot_kernels_neon;
#elif defined(__x86_64__)
extern const ingot_kernels ingot_kernels_avx2;
extern const ingot_kernels ingot_kernels_avx512;
#endif

const ingot_kernels *ingot_kernels_at(ingot_simd_level level);

static inline size_t ingot_element_bytes(ingot_source_type type) {
    return type == INGOT_SOURCE_F32 ? 4 : 2;
}
