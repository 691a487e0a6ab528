/* The logistic function and the hyperbolic tangent of int16, by a table and a straight line between its points. */
#ifndef ENGINE_SIGMOID_H
#define ENGINE_SIGMOID_H

#include "engine.h"

/* 1 / (1 + exp(-x)) of x in Q3.12, in Q0.15: Logistic of tensorflow/lite/kernels/internal/reference/integer_ops/
 * logistic.h, for inputs of that scale. */
int16_t engine_sigmoid(int16_t x);

/* tanh(x) of x * multiplier / 2^right_shift in units of 1/3 of 2^-12, in Q0.15: Tanh of integer_ops/tanh.h. */
int16_t engine_tanh(int16_t x, int32_t multiplier, int32_t right_shift);

#endif
