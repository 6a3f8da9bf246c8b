// What training a draft head does between matrix products: norms, gated unit, rotation, softmax, cross-entropy and the
// optimiser, each with its gradient. Sixteen lanes, no fused multiply-adds; a sum is taken by lane and the lanes are
// halved four times, so every level gives the same bits.
#pragma once

#include <math.h>

#include "Lanes.h"

// Lanes of a row from a place on; missing ones are zero.
INGOT_INLINE f32x16 ingot_row_load(const float *source, size_t left) {
    f32x16 value = (f32x16)0.0f;
    if (__builtin_expect(left >= 16, 1)) {
        memcpy(&value, source, sizeof value);
    } else {
        memcpy(&value, source, left * sizeof(float));
    }
    return value;
}

INGOT_INLINE void ingot_row_store(float *target, f32x16 value, size_t left) {
    memcpy(target, &value, (__builtin_expect(left >= 16, 1) ? 16 : left) * sizeof(float));
}

#define INGOT_EACH_LANES(place, count) for (size_t place = 0; place < (count); place += 16)

INGOT_INLINE float ingot_lanes_sum(f32x16 v) {
    f32x8 a = v.lo + v.hi;
    float b[4];
    for (int i = 0; i < 4; i += 1) {
        b[i] = a[i] + a[i + 4];
    }
    return (b[0] + b[2]) + (b[1] + b[3]);
}

// e^x to 2 ulp for -87 <= x <= 88; x beyond is taken as the end. Cephes' polynomial.
INGOT_INLINE f32x16 ingot_exp_lanes(f32x16 x) {
    x = __builtin_elementwise_min(__builtin_elementwise_max(x, (f32x16)-87.0f), (f32x16)88.0f);
    const f32x16 magic = (f32x16)12582912.0f;  // 1.5 x 2^23: adding it rounds to an integer
    f32x16 shifted = x * 1.44269504f + magic;
    i32x16 power = INGOT_I32(shifted) - INGOT_I32(magic);
    f32x16 whole = shifted - magic;
    f32x16 r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    f32x16 p = (f32x16)1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return INGOT_F32(INGOT_I32(p) + (power << 23));
}

INGOT_INLINE float ingot_row_dot(const float *a, const float *b, size_t count) {
    f32x16 sum = (f32x16)0.0f;
    INGOT_EACH_LANES(c, count) {
        sum += ingot_row_load(a + c, count - c) * ingot_row_load(b + c, count - c);
    }
    return ingot_lanes_sum(sum);
}

INGOT_INLINE void ingot_row_add_scaled(float *target, float factor, const float *source, size_t count) {
    INGOT_EACH_LANES(c, count) {
        f32x16 value = ingot_row_load(target + c, count - c) + factor * ingot_row_load(source + c, count - c);
        ingot_row_store(target + c, value, count - c);
    }
}

static void ingot_level_add_rows(float *target, const float *source, size_t count) {
    ingot_row_add_scaled(target, 1.0f, source, count);
}

static void ingot_level_rms_forward(const ingot_rms_job *job) {
    for (size_t row = 0; row < job->rows; row += 1) {
        const float *x = job->x + row * job->width;
        float *y = job->y + row * job->width;
        float r = 1.0f / sqrtf(ingot_row_dot(x, x, job->width) / (float)job->width + job->epsilon);
        INGOT_EACH_LANES(c, job->width) {
            size_t left = job->width - c;
            ingot_row_store(y + c, ingot_row_load(x + c, left) * r * ingot_row_load(job->weight + c, left), left);
        }
    }
}

static void ingot_level_rms_backward(const ingot_rms_job *job) {
    const float *w = job->weight;
    for (size_t row = 0; row < job->rows; row += 1) {
        const float *x = job->x + row * job->width;
        const float *dy = job->y + row * job->width;
        float r = 1.0f / sqrtf(ingot_row_dot(x, x, job->width) / (float)job->width + job->epsilon);
        f32x16 lanes = (f32x16)0.0f;
        INGOT_EACH_LANES(c, job->width) {
            size_t left = job->width - c;
            f32x16 part = ingot_row_load(dy + c, left) * ingot_row_load(x + c, left);
            lanes += part * ingot_row_load(w + c, left);
            ingot_row_store(
                job->weight_gradient + c, ingot_row_load(job->weight_gradient + c, left) + part * r, left);
        }
        if (job->x_gradient == NULL) {
            continue;
        }
        float share = ingot_lanes_sum(lanes) * r * r / (float)job->width;
        float *dx = job->x_gradient + row * job->width;
        INGOT_EACH_LANES(c, job->width) {
            size_t left = job->width - c;
            f32x16 own = ingot_row_load(dy + c, left) * ingot_row_load(w + c, left);
            f32x16 value = r * (own - ingot_row_load(x + c, left) * share);
            ingot_row_store(dx + c, ingot_row_load(dx + c, left) + value, left);
        }
    }
}

static void ingot_level_gated_forward(const float *gate_up, size_t rows, size_t width, float *unit) {
    for (size_t row = 0; row < rows; row += 1) {
        const float *gate = gate_up + row * 2 * width;
        INGOT_EACH_LANES(c, width) {
            size_t left = width - c;
            f32x16 g = ingot_row_load(gate + c, left);
            f32x16 value = g / (1.0f + ingot_exp_lanes(-g)) * ingot_row_load(gate + width + c, left);
            ingot_row_store(unit + row * width + c, value, left);
        }
    }
}

static void ingot_level_gated_backward(float *gate_up, size_t rows, size_t width, const float *unit_gradient) {
    for (size_t row = 0; row < rows; row += 1) {
        float *gate = gate_up + row * 2 * width;
        INGOT_EACH_LANES(c, width) {
            size_t left = width - c;
            f32x16 g = ingot_row_load(gate + c, left);
            f32x16 u = ingot_row_load(gate + width + c, left);
            f32x16 d = ingot_row_load(unit_gradient + row * width + c, left);
            f32x16 sigmoid = 1.0f / (1.0f + ingot_exp_lanes(-g));
            f32x16 silu = g * sigmoid;
            ingot_row_store(gate + c, d * u * (sigmoid + silu * (1.0f - sigmoid)), left);
            ingot_row_store(gate + width + c, d * silu, left);
        }
    }
}

static void ingot_level_rotate(const ingot_rotate_job *job) {
    const size_t pairs = job->dimension / 2;
    for (size_t row = 0; row < job->rows; row += 1) {
        const float *cosines = job->cosines + (size_t)job->positions[row] * pairs;
        const float *sines = job->sines + (size_t)job->positions[row] * pairs;
        for (size_t head = 0; head < job->heads; head += 1) {
            float *a = job->x + row * job->stride + head * job->dimension;
            float *b = a + pairs;
            INGOT_EACH_LANES(c, pairs) {
                size_t left = pairs - c;
                f32x16 x = ingot_row_load(a + c, left), y = ingot_row_load(b + c, left);
                f32x16 cosine = ingot_row_load(cosines + c, left);
                f32x16 sine = job->direction * ingot_row_load(sines + c, left);
                ingot_row_store(a + c, x * cosine - y * sine, left);
                ingot_row_store(b + c, y * cosine + x * sine, left);
            }
        }
    }
}

static float ingot_level_softmax(float *x, size_t count) {
    f32x16 top = (f32x16)-INFINITY;
    for (size_t c = 0; c + 16 <= count; c += 16) {
        top = __builtin_elementwise_max(top, ingot_row_load(x + c, 16));
    }
    float largest = -INFINITY;
    for (int lane = 0; lane < 16; lane += 1) {
        largest = top[lane] > largest ? top[lane] : largest;
    }
    for (size_t c = count / 16 * 16; c < count; c += 1) {
        largest = x[c] > largest ? x[c] : largest;
    }
    f32x16 lanes = (f32x16)0.0f;
    INGOT_EACH_LANES(c, count) {
        size_t left = count - c;
        f32x16 value = ingot_exp_lanes(ingot_row_load(x + c, left) - largest);
        ingot_row_store(x + c, value, left);
        if (left < 16) {
            value = ingot_row_load(x + c, left);
        }
        lanes += value;
    }
    float sum = ingot_lanes_sum(lanes);
    INGOT_EACH_LANES(c, count) {
        ingot_row_store(x + c, ingot_row_load(x + c, count - c) * (1.0f / sum), count - c);
    }
    return largest + logf(sum);
}

typedef struct {
    float value;
    int32_t place;
} ingot_largest;

// The largest of a row, the first among equals.
INGOT_INLINE ingot_largest ingot_find_largest(const float *x, size_t count) {
    f32x16 top = (f32x16)-INFINITY;
    i32x16 where = 0, at = 0;
    for (size_t c = 0; c + 16 <= count; c += 16) {
        f32x16 value = ingot_row_load(x + c, 16);
        i32x16 larger = value > top;
        where = (larger & at) | (~larger & where);
        top = __builtin_elementwise_max(top, value);
        at += 16;
    }
    ingot_largest found = {-INFINITY, 0};
    for (int lane = 0; lane < 16; lane += 1) {
        int32_t place = where[lane] + lane;
        if (top[lane] > found.value || (top[lane] == found.value && place < found.place)) {
            found.value = top[lane];
            found.place = place;
        }
    }
    for (size_t c = count / 16 * 16; c < count; c += 1) {
        if (x[c] > found.value) {
            found.value = x[c];
            found.place = (int32_t)c;
        }
    }
    return found;
}

static float ingot_level_log_sum(const float *x, size_t count, int32_t *choice) {
    ingot_largest found = ingot_find_largest(x, count);
    f32x16 lanes = (f32x16)0.0f;
    size_t c = 0;
    for (; c + 16 <= count; c += 16) {
        lanes += ingot_exp_lanes(ingot_row_load(x + c, 16) - found.value);
    }
    float sum = ingot_lanes_sum(lanes);
    for (; c < count; c += 1) {
        sum += ingot_exp_lanes((f32x16)(x[c] - found.value))[0];
    }
    *choice = found.place;
    return found.value + logf(sum);
}

static ingot_cross_entropy ingot_level_cross_entropy(
    float *logits, const float *teacher, size_t count, float mass, float weight)
{
    ingot_cross_entropy result = {0};
    ingot_largest found = ingot_find_largest(logits, count);
    const float largest = found.value;
    result.choice = found.place;
    f32x16 lanes = (f32x16)0.0f, products = (f32x16)0.0f;
    INGOT_EACH_LANES(c, count) {
        size_t left = count - c;
        f32x16 shifted = ingot_row_load(logits + c, left) - largest;
        f32x16 value = ingot_exp_lanes(shifted);
        ingot_row_store(logits + c, value, left);
        if (left < 16) {
            value = ingot_row_load(logits + c, left);
        }
        lanes += value;
        products += ingot_row_load(teacher + c, left) * shifted;
    }
    float sum = ingot_lanes_sum(lanes);
    result.loss = logf(sum) - ingot_lanes_sum(products);
    f32x16 overlap = (f32x16)0.0f;
    const float factor = 1.0f / sum;
    INGOT_EACH_LANES(c, count) {
        size_t left = count - c;
        f32x16 p = ingot_row_load(teacher + c, left);
        f32x16 q = ingot_row_load(logits + c, left) * factor;
        overlap += __builtin_elementwise_min(p * mass, q);
        ingot_row_store(logits + c, (q - p) * weight, left);
    }
    result.overlap = ingot_lanes_sum(overlap);
    return result;
}

// One row's scores beside the extra ones: their exponentials less a bound, divided by the sum.
static void ingot_level_attend_forward(const ingot_attend_job *job) {
    for (size_t row = 0; row < job->rows; row += 1) {
        float *scores = job->scores + row * job->stride;
        float *extra = job->extra_scores + row * job->extra;
        const float *q = job->queries + row * job->dimension;
        const float *const *keys = job->extra_keys + row % job->positions * job->extra;
        const size_t count = job->seen[row % job->positions];
        float largest = -INFINITY;
        for (size_t e = 0; e < job->extra; e += 1) {
            extra[e] = ingot_row_dot(q, keys[e] + job->key_offset, job->dimension);
            largest = extra[e] > largest ? extra[e] : largest;
        }
        f32x16 top = (f32x16)largest;
        size_t c = 0;
        for (; c + 16 <= count; c += 16) {
            top = __builtin_elementwise_max(top, ingot_row_load(scores + c, 16));
        }
        for (; c < count; c += 1) {
            largest = scores[c] > largest ? scores[c] : largest;
        }
        for (int lane = 0; lane < 16; lane += 1) {
            largest = top[lane] > largest ? top[lane] : largest;
        }
        f32x16 lanes = (f32x16)0.0f;
        INGOT_EACH_LANES(place, count) {
            size_t left = count - place;
            ingot_row_store(
                scores + place, ingot_exp_lanes(ingot_row_load(scores + place, left) - largest), left);
            lanes += ingot_row_load(scores + place, left);
        }
        float sum = ingot_lanes_sum(lanes);
        for (size_t e = 0; e < job->extra; e += 1) {
            extra[e] = ingot_exp_lanes((f32x16)(extra[e] - largest))[0];
            sum += extra[e];
        }
        const float factor = 1.0f / sum;
        INGOT_EACH_LANES(place, count) {
            size_t left = count - place;
            ingot_row_store(scores + place, ingot_row_load(scores + place, left) * factor, left);
        }
        for (size_t e = 0; e < job->extra; e += 1) {
            extra[e] *= factor;
        }
        memset(scores + count, 0, (job->width - count) * sizeof(float));
        job->normalisers[row] = largest + logf(sum);
    }
}

static void ingot_level_attend_extra(const ingot_attend_job *job) {
    for (size_t row = 0; row < job->rows; row += 1) {
        const float *const *keys = job->extra_keys + row % job->positions * job->extra;
        for (size_t e = 0; e < job->extra; e += 1) {
            ingot_row_add_scaled(
                job->outputs + row * job->dimension, job->extra_scores[row * job->extra + e],
                keys[e] + job->value_offset, job->dimension);
        }
    }
}

// Scores become probabilities again and `score_gradients`, products of output gradients and values, those of scores.
static void ingot_level_attend_backward(const ingot_attend_job *job) {
    for (size_t row = 0; row < job->rows; row += 1) {
        float *scores = job->scores + row * job->stride;
        float *gradients = job->score_gradients + row * job->stride;
        const float *q = job->queries + row * job->dimension;
        const float *out = job->output_gradients + row * job->dimension;
        float *dq = job->query_gradients + row * job->dimension;
        const float *const *keys = job->extra_keys + row % job->positions * job->extra;
        float *const *key_gradients = job->extra_gradients + row % job->positions * job->extra;
        const size_t count = job->seen[row % job->positions];
        const float normaliser = job->normalisers[row];
        const float mean = ingot_row_dot(out, job->outputs + row * job->dimension, job->dimension);
        memset(dq, 0, job->dimension * sizeof(float));
        for (size_t e = 0; e < job->extra; e += 1) {
            const float *k = keys[e] + job->key_offset, *v = keys[e] + job->value_offset;
            float score = ingot_row_dot(q, k, job->dimension);
            float p = ingot_exp_lanes((f32x16)(score - normaliser))[0];
            float ds = p * (ingot_row_dot(out, v, job->dimension) - mean);
            ingot_row_add_scaled(dq, ds, k, job->dimension);
            ingot_row_add_scaled(key_gradients[e] + job->key_offset, ds, q, job->dimension);
            ingot_row_add_scaled(key_gradients[e] + job->value_offset, p, out, job->dimension);
        }
        INGOT_EACH_LANES(place, count) {
            size_t left = count - place;
            f32x16 p = ingot_exp_lanes(ingot_row_load(scores + place, left) - normaliser);
            ingot_row_store(scores + place, p, left);
            ingot_row_store(gradients + place, p * (ingot_row_load(gradients + place, left) - mean), left);
        }
        memset(scores + count, 0, (job->width - count) * sizeof(float));
        memset(gradients + count, 0, (job->width - count) * sizeof(float));
    }
}

static double ingot_level_square_sum(const float *x, size_t count) {
    f64x8 lanes = (f64x8)0.0;
    INGOT_EACH_LANES(c, count) {
        f32x16 value = ingot_row_load(x + c, count - c);
        f64x8 low = __builtin_convertvector(value.lo, f64x8), high = __builtin_convertvector(value.hi, f64x8);
        lanes += low * low + high * high;
    }
    double sum = 0;
    for (int lane = 0; lane < 8; lane += 1) {
        sum += lanes[lane];
    }
    return sum;
}

static void ingot_level_adam(const ingot_adam_job *job) {
    for (size_t c = 0; c < job->count; c += 16) {
        size_t left = job->count - c;
        f32x16 g = ingot_row_load(job->gradients + c, left) * job->gradient_factor;
        f32x16 m = job->beta1 * ingot_row_load(job->first + c, left) + (1.0f - job->beta1) * g;
        f32x16 v = job->beta2 * ingot_row_load(job->second + c, left) + (1.0f - job->beta2) * (g * g);
        f32x16 w = ingot_row_load(job->masters + c, left);
        w = w - job->rate * job->decay * w;
        f32x16 root = __builtin_elementwise_sqrt(v * job->second_factor) + job->epsilon;
        w = w - job->rate * (m * job->first_factor) / root;
        ingot_row_store(job->first + c, m, left);
        ingot_row_store(job->second + c, v, left);
        ingot_row_store(job->masters + c, w, left);
        // To BF16, ties to even; masters are finite.
        u32x16 bits = INGOT_U32(w);
        bits = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
        ingot_row_store(job->rounded + c, INGOT_F32(bits), left);
    }
}
