// Products of row-major matrices by OpenBLAS, which is opened when it is first needed: its kernels are chosen while
// it is opened, and programs that never multiply neither load it nor need it.
#ifndef INGOT_COPENBLAS_H
#define INGOT_COPENBLAS_H

#include <stdbool.h>

/// Why there is no OpenBLAS, null where there is one. Opens it at the first call, as every function here does.
///
/// INGOT_OPENBLAS in the environment names another file than libopenblas.so.0.
const char *ingot_blas_missing(void);

/// The processor whose kernels were chosen, such as SkylakeX; OPENBLAS_CORETYPE in the environment chooses first.
const char *ingot_blas_core(void);

/// C = A · B + scale · C for A [m, k], B [k, n] and C [m, n]; an operand that is turned is stored as its transpose.
/// The strides are elements from one stored row to the next.
void ingot_blas_sgemm(
    bool a_turned, bool b_turned, int m, int n, int k, const float *a, int a_stride, const float *b, int b_stride,
    float scale, float *c, int c_stride);

/// C = A · Bᵀ for A [m, k], B [n, k] and C [m, n], in F64.
void ingot_blas_dgemm(
    int m, int n, int k, const double *a, int a_stride, const double *b, int b_stride, double *c, int c_stride);

/// y = A · x for A [m, k]: three times as fast as a product of one column.
void ingot_blas_sgemv(int m, int k, const float *a, int stride, const float *x, float *y);

#endif
