// The public training kernels: a level's loop, no more. Arguments are the training's own, made once for all calls.
#include "Kernels.h"

void ingot_rms_forward(const ingot_rms_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->rms_forward(job);
}

void ingot_rms_backward(const ingot_rms_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->rms_backward(job);
}

void ingot_gated_forward(const float *gate_up, size_t rows, size_t width, float *unit, ingot_simd_level level) {
    ingot_kernels_at(level)->gated_forward(gate_up, rows, width, unit);
}

void ingot_gated_backward(
    float *gate_up, size_t rows, size_t width, const float *unit_gradient, ingot_simd_level level)
{
    ingot_kernels_at(level)->gated_backward(gate_up, rows, width, unit_gradient);
}

void ingot_rotate(const ingot_rotate_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->rotate(job);
}

float ingot_softmax(float *x, size_t count, ingot_simd_level level) {
    return ingot_kernels_at(level)->softmax(x, count);
}

float ingot_log_sum_exp(const float *x, size_t count, int32_t *choice, ingot_simd_level level) {
    return ingot_kernels_at(level)->log_sum(x, count, choice);
}

ingot_cross_entropy ingot_soft_cross_entropy(
    float *logits, const float *teacher, size_t count, float mass, float weight, ingot_simd_level level)
{
    return ingot_kernels_at(level)->cross_entropy(logits, teacher, count, mass, weight);
}

void ingot_attend_forward(const ingot_attend_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->attend_forward(job);
}

void ingot_attend_extra(const ingot_attend_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->attend_extra(job);
}

void ingot_attend_backward(const ingot_attend_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->attend_backward(job);
}

void ingot_add(float *target, const float *source, size_t count, ingot_simd_level level) {
    ingot_kernels_at(level)->add_rows(target, source, count);
}

double ingot_square_sum(const float *x, size_t count, ingot_simd_level level) {
    return ingot_kernels_at(level)->square_sum(x, count);
}

void ingot_adam(const ingot_adam_job *job, ingot_simd_level level) {
    ingot_kernels_at(level)->adam(job);
}
