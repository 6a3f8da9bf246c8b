// Block FP8 kernels: encode to E4M3FN with a scale per block, decode, and scans for bytes that must not occur.
//
// E4M3FN: sign, 4 exponent bits of bias 7, 3 mantissa bits; largest 448 (0x7E), smallest 2^-9, no infinities,
// NaN is 0x7F or 0xFF. A value is code x scale. A matrix is row-major; a block at the right or lower edge may be
// ragged. Pointers to elements may have any byte alignment. Nothing here allocates, locks or reports on its own.
//
// Each kernel exists per SIMD level; every level gives the same bits, statistics included.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// An instruction set that kernels are built for.
typedef enum {
    INGOT_SIMD_PLAIN = 0,   ///< C that runs on every machine of the architecture
    INGOT_SIMD_NEON = 1,    ///< arm64
    INGOT_SIMD_AVX2 = 2,    ///< x86-64 with AVX2, FMA and F16C
    INGOT_SIMD_AVX512 = 3,  ///< x86-64 with AVX-512 F, BW, DQ and VL
} ingot_simd_level;

/// Whether this build has the level and this processor runs it: 1 or 0. Any int is a valid argument.
int ingot_simd_available(ingot_simd_level level);

/// The fastest available level, decided once.
ingot_simd_level ingot_simd_best(void);

/// How a call ended. After anything but `INGOT_OK` the outputs are unspecified.
typedef enum {
    INGOT_OK = 0,
    INGOT_NON_FINITE = 1,    ///< the source holds a NaN or an infinity
    INGOT_BAD_ARGUMENT = 2,  ///< a stride below its row, an empty block shape, an unknown enum, a rule without its type
} ingot_status;

typedef enum {
    INGOT_SOURCE_BF16 = 0,
    INGOT_SOURCE_F16 = 1,
    INGOT_SOURCE_F32 = 2,
} ingot_source_type;

/// How the scale of a block follows from its absmax.
///
/// Except in `INGOT_SCALE_BF16`: s = max(absmax, amax_floor) / 448 in F32, code = E4M3FN(x / s) with a true F32
/// division. Where s would be zero or subnormal (below 2^-126) the scale is `zero_scale` as given and every code is
/// a zero with the sign of its element.
typedef enum {
    /// s itself.
    INGOT_SCALE_F32 = 0,
    /// s rounded up to a power of two by its bits: exponent + (mantissa != 0), within 1 ... 254.
    INGOT_SCALE_UE8M0 = 1,
    /// exp2(ceil(log2 s)) with log2 rounded to F32. It falls a factor of two short of UE8M0 where s lies so few ulp
    /// above a power of two that log2 rounds to the integer; saturated elements can follow.
    INGOT_SCALE_UE8M0_LOG2 = 2,
    /// BF16 arithmetic throughout, from a BF16 source only; `amax_floor` and `zero_scale` are not used.
    /// s = BF16(absmax / 448), or 2^-7 if that is zero; code = E4M3FN(clamp(BF16(x / s))), rounded twice on purpose.
    INGOT_SCALE_BF16 = 3,
} ingot_scale_rule;

/// What encoding cost, summed over all blocks of a tensor. Start from all zeros; calls add to it.
///
/// Within a block, lane j of 16 F32 lanes takes the columns congruent j modulo 16 (counted from the block's left
/// edge) row by row, in units of the scale; the lanes are then added in double in a fixed tree, multiplied by the
/// squared scale, and added here block by block, left to right, then down. Hence the same bits for every level, and
/// for every way to cut the rows into calls at block boundaries. F32 lanes bound the accuracy: about 1e-6 of the sum
/// for a 128 x 128 block. Elements below 1e-19 of their scale (only under a floor) vanish from the sums.
typedef struct {
    double squared_error;    ///< sum of (code x scale - x)^2
    double squared_signal;   ///< sum of x^2
    double largest_error;    ///< largest |code x scale - x|
    double largest_signal;   ///< largest |x|
    uint64_t elements;
    uint64_t saturated;      ///< elements with |x / s| > 448 in F32 before clamping
    uint64_t zero_blocks;    ///< blocks with absmax 0
    uint64_t floored_blocks; ///< blocks with 0 < absmax < amax_floor
} ingot_encode_statistics;

/// A strip of rows of one matrix to encode. Its first row must start a block.
typedef struct {
    const void *source;       ///< [rows, columns] of `type`
    ingot_source_type type;
    size_t rows;
    size_t columns;
    size_t source_stride;     ///< elements from one row to the next
    size_t block_rows;
    size_t block_columns;
    ingot_scale_rule rule;
    float amax_floor;         ///< 0 for none; finite, not negative
    float zero_scale;
    uint8_t *codes;           ///< [rows, columns] E4M3FN
    size_t codes_stride;      ///< bytes from one row to the next
    float *scales;            ///< [ceil(rows / block_rows), ceil(columns / block_columns)] F32, exact for BF16 scales
    size_t scales_stride;     ///< elements from one block row to the next
    ingot_encode_statistics *statistics; ///< added to; null for none (faster)
    /// 1 to search the scale of each block, with `INGOT_SCALE_F32` only: of `INGOT_SEARCH_RATIOS` multiples of
    /// absmax / 448 the one with the least squared error of the block; absmax itself wins among equals. Blocks at or
    /// below the floor keep theirs.
    int searches;
    /// For blocks that are parts of one larger block: its absmax, and every part takes the scale that follows from it.
    /// Not below that of any part; not with a search. 0 where each block has its own.
    float shared_absmax;
    /// When searching: what the squared error of each column counts, [columns], not negative; null for all alike.
    const float *column_weights;
} ingot_encode_job;

/// Multiples of absmax that a search tries, the first is 1.
#define INGOT_SEARCH_RATIOS 16

typedef struct {
    size_t row;
    size_t column;
} ingot_position;

/// Encodes a strip. On `INGOT_NON_FINITE`, `position` (may be null) is the first offender in row-major order.
///
/// Quotients are clamped to +-448 and rounded to nearest, ties to even code; the sign of zero is kept, so negative
/// underflow gives 0x80. No code is ever NaN. A level that is not available runs as plain.
ingot_status ingot_encode(const ingot_encode_job *job, ingot_simd_level level, ingot_position *position);

typedef enum {
    INGOT_TARGET_BF16 = 0,  ///< the F32 product code x scale, rounded to nearest even
    INGOT_TARGET_F32 = 1,   ///< the F32 product code x scale
} ingot_target_type;

/// A strip of rows of one encoded matrix to decode. Its first row must start a block.
typedef struct {
    const uint8_t *codes;   ///< [rows, columns] E4M3FN
    size_t rows;
    size_t columns;
    size_t codes_stride;    ///< bytes from one row to the next
    size_t block_rows;
    size_t block_columns;
    const float *scales;    ///< [ceil(rows / block_rows), ceil(columns / block_columns)] F32
    size_t scales_stride;   ///< elements from one block row to the next
    void *target;           ///< [rows, columns] of `type`
    ingot_target_type type;
    size_t target_stride;   ///< elements from one row to the next
} ingot_decode_job;

/// Decodes a strip. NaN codes give a quiet NaN with the code's sign, whatever the scale.
ingot_status ingot_decode(const ingot_decode_job *job, ingot_simd_level level);

typedef enum {
    INGOT_WEIGHT_F32 = 0,
    INGOT_WEIGHT_BF16 = 1,
    INGOT_WEIGHT_E4M3 = 2,  ///< an element is the F32 product code x scale
    INGOT_WEIGHT_E4M3_AS_BF16 = 3,  ///< that product rounded to BF16, ties to even
    INGOT_WEIGHT_E4M3_AS_F16 = 4,   ///< that product rounded to F16, ties to even
} ingot_weight_type;

/// Columns whose products are summed before the sums are added up; part of the definition of a product.
#define INGOT_PRODUCT_CHUNK 1024

/// Floats of `panel` in a product: 136 decoded rows or packed tokens, and a cache line to align them.
#define INGOT_PRODUCT_PANEL_ELEMENTS 139280

/// Some columns of x W^T for x [tokens, columns] and W [rows, columns].
typedef struct {
    const float *x;
    size_t tokens;
    size_t columns;
    size_t x_stride;        ///< elements from one row to the next
    const void *weight;     ///< all rows, of any alignment
    size_t weight_stride;   ///< elements from one row to the next
    ingot_weight_type type;
    size_t first;           ///< rows of the weight to multiply, and so columns of the target
    size_t last;
    size_t block_rows;      ///< of E4M3, as its scales
    size_t block_columns;
    const float *scales;    ///< [ceil(rows / block_rows), ceil(columns / block_columns)], below 2^119
    size_t scales_stride;
    float *target;          ///< [tokens, target_stride]; column n is row n of the weight
    size_t target_stride;
    float *panel;           ///< INGOT_PRODUCT_PANEL_ELEMENTS floats of scratch
} ingot_product_job;

/// Multiplies from the stored weight; see ProductTile.h for the order of each sum.
///
/// The bits of an element depend on its row of x and its row of W alone: not on `tokens`, `first`, `last` or the
/// level. An error of at most (columns / 16 + 20) 2^-24 of the sum of magnitudes follows from the order.
ingot_status ingot_product(const ingot_product_job *job, ingot_simd_level level);

/// Weighted sums of rows: x V for x [tokens, count] and V [count, width].
typedef struct {
    const float *x;
    size_t tokens;
    size_t count;
    size_t x_stride;        ///< elements from one row to the next
    const float *rows;
    size_t rows_stride;
    size_t width;
    float *target;          ///< [tokens, width]
    size_t target_stride;
    float *panel;           ///< INGOT_PRODUCT_PANEL_ELEMENTS floats of scratch
} ingot_mix_job;

/// Multiplies as `ingot_product` does by the transposed rows, bit for bit.
///
/// So a factor of zero at the end of a row of x changes no bit while the rows of V are finite.
ingot_status ingot_mix(const ingot_mix_job *job, ingot_simd_level level);

/// x W^T in F64 for x [tokens, columns] and W [rows, columns] of F32.
typedef struct {
    const float *x;
    size_t tokens;
    size_t columns;
    size_t x_stride;        ///< elements from one row to the next
    const float *weight;
    size_t rows;
    size_t weight_stride;
    float *target;          ///< [tokens, rows], each sum rounded once
    size_t target_stride;
} ingot_wide_job;

/// Multiplies with sums in F64; see WideBody.h for the order of each sum, which depends on `columns` alone.
ingot_status ingot_wide_product(const ingot_wide_job *job, ingot_simd_level level);

/// BF16 elements as F32.
void ingot_widen(const void *source, size_t count, float *target, ingot_simd_level level);

/// A root-mean-square norm over rows of `width`: y = x / sqrt(mean x^2 + epsilon) * weight.
typedef struct {
    const float *x;          ///< [rows, width]
    const float *weight;     ///< [width]
    float *y;                ///< [rows, width]: the result, or on the way back its gradient
    size_t rows;
    size_t width;
    float epsilon;
    float *x_gradient;       ///< [rows, width], added to; NULL when nobody asks
    float *weight_gradient;  ///< [width], added to
} ingot_rms_job;

void ingot_rms_forward(const ingot_rms_job *job, ingot_simd_level level);
void ingot_rms_backward(const ingot_rms_job *job, ingot_simd_level level);

/// silu(gate) * up for gate_up [rows, 2 width], the gate half first.
void ingot_gated_forward(const float *gate_up, size_t rows, size_t width, float *unit, ingot_simd_level level);
/// Puts the gradients of gate and up in their place.
void ingot_gated_backward(
    float *gate_up, size_t rows, size_t width, const float *unit_gradient, ingot_simd_level level);

/// Turns channel j of each head with channel j + dimension / 2, in place.
typedef struct {
    float *x;                  ///< [rows, stride], of which heads * dimension are turned
    size_t rows;
    size_t stride;
    size_t heads;
    size_t dimension;
    const float *cosines;      ///< [positions, dimension / 2]
    const float *sines;
    const int32_t *positions;  ///< of each row
    float direction;           ///< 1, or -1 for the way back
} ingot_rotate_job;

void ingot_rotate(const ingot_rotate_job *job, ingot_simd_level level);

/// e^x / sum e^x in place; the result is log sum e^x.
float ingot_softmax(float *x, size_t count, ingot_simd_level level);

/// log sum e^x, and where the largest x stands, the first among equals.
float ingot_log_sum_exp(const float *x, size_t count, int32_t *choice, ingot_simd_level level);

typedef struct {
    float loss;      ///< -sum teacher log softmax(logits)
    float overlap;   ///< sum min(mass teacher, softmax(logits))
    int32_t choice;  ///< the largest logit, the first among equals
} ingot_cross_entropy;

/// Soft cross-entropy of one row; the logits become weight * (softmax(logits) - teacher).
ingot_cross_entropy ingot_soft_cross_entropy(
    float *logits, const float *teacher, size_t count, float mass, float weight, ingot_simd_level level);

/// Queries of some heads that share keys, one head's after another's, over scores of shared positions and over a few
/// keys that each position has for itself.
typedef struct {
    size_t rows;               ///< heads * positions
    size_t positions;
    size_t dimension;
    const float *queries;      ///< [rows, dimension], divided by sqrt(dimension)
    float *scores;             ///< [rows, stride]: queries by shared keys; becomes probabilities
    size_t stride;
    size_t width;              ///< shared keys of the block; probabilities past `seen` become zero
    const int32_t *seen;       ///< shared keys that each position sees
    size_t extra;              ///< keys of its own that each position has
    const float *const *extra_keys;  ///< [positions, extra] rows with a key and a value
    size_t key_offset;         ///< of the key in such a row
    size_t value_offset;
    float *extra_scores;       ///< [rows, extra]
    float *normalisers;        ///< [rows]: log sum e^score
    float *outputs;            ///< [rows, dimension]
    const float *output_gradients;   ///< [rows, dimension]
    float *score_gradients;    ///< [rows, stride]: output gradients by shared values; becomes those of scores
    float *query_gradients;    ///< [rows, dimension]: set to the part of the extra keys
    float *const *extra_gradients;   ///< [positions, extra], as `extra_keys`, added to
} ingot_attend_job;

/// Scores to probabilities; fills `extra_scores` and `normalisers`.
void ingot_attend_forward(const ingot_attend_job *job, ingot_simd_level level);
/// Adds the extra values to outputs that hold the shared ones.
void ingot_attend_extra(const ingot_attend_job *job, ingot_simd_level level);
/// Scores, taken again, to probabilities, and `score_gradients` to gradients of scores.
void ingot_attend_backward(const ingot_attend_job *job, ingot_simd_level level);

/// target += source.
void ingot_add(float *target, const float *source, size_t count, ingot_simd_level level);
/// sum x^2, in F64 by lane.
double ingot_square_sum(const float *x, size_t count, ingot_simd_level level);

/// One step of AdamW.
typedef struct {
    size_t count;
    float *masters;
    float *first;             ///< the gradient's running mean
    float *second;            ///< its square's
    float *rounded;           ///< set to the masters in BF16, as F32
    const float *gradients;
    float gradient_factor;    ///< what clipping leaves of them
    float beta1;
    float beta2;
    float epsilon;
    float rate;
    float decay;
    float first_factor;       ///< 1 / (1 - beta1^step)
    float second_factor;
} ingot_adam_job;

void ingot_adam(const ingot_adam_job *job, ingot_simd_level level);

/// Fused multiply-adds without memory, `INGOT_MULTIPLY_ADDS` in each round: what a product is measured against.
#define INGOT_MULTIPLY_ADDS 192
float ingot_multiply_add(size_t rounds, ingot_simd_level level);

/// Reads bytes, 256 at a time, the rest not: what a product of one row is measured against.
uint64_t ingot_read(const void *bytes, size_t count, ingot_simd_level level);

/// Index of the first NaN or infinity among `count` elements, or `count`.
size_t ingot_first_non_finite(const void *source, ingot_source_type type, size_t count, ingot_simd_level level);

/// Index of the first E4M3FN NaN code, 0x7F or 0xFF, among `count` bytes, or `count`.
size_t ingot_first_nan_code(const uint8_t *codes, size_t count, ingot_simd_level level);

/// Whether all `count` bytes are zero: 1 or 0; 1 for none.
int ingot_all_zero(const void *bytes, size_t count, ingot_simd_level level);

/// The largest magnitude among `count` finite elements, in F32; 0 for none. Where one is not finite, so is the result.
float ingot_absmax(const void *source, ingot_source_type type, size_t count, ingot_simd_level level);

/// The scale that a rule gives to a block with this absmax (finite, not negative), as `ingot_encode` takes it.
float ingot_block_scale(ingot_scale_rule rule, float amax, float amax_floor, float zero_scale);

#ifdef __cplusplus
}
#endif
