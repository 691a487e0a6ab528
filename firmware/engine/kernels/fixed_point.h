/* Exponential and reciprocal in fixed point: gemmlowp/fixedpoint/fixedpoint.h, for 32 bits.
 *
 * Qm.n is an integer of 32 bits that stands for itself / 2^n, with m bits before the point; 1 in Q0.31 is INT32_MAX.
 */
#ifndef ENGINE_FIXED_POINT_H
#define ENGINE_FIXED_POINT_H

#include "engine.h"

/* value * 2^exponent, saturated (SaturatingRoundingMultiplyByPOT). */
static inline int32_t engine_saturating_shift_left(int32_t value, int32_t exponent) {
  const int32_t most = INT32_MAX >> exponent;
  if (value > most) return INT32_MAX;
  if (value < -most - 1) return INT32_MIN;
  return engine_shift_left(value, exponent);
}

/* exp(x) in Q0.31 of x <= 0 in Q5.26 (exp_on_negative_values): a Taylor series around -1/8 for what is left of
 * quarters, times exp(-2^k) for each bit that is set in the rest. */
static inline int32_t engine_exp(int32_t x) {
  static const int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (x == 0) return INT32_MAX;
  const int32_t quarter = 1 << 24;
  const int32_t within = (x & (quarter - 1)) - quarter; /* in [-1/4, 0) */
  const int32_t t = engine_saturating_shift_left(within, 5) + (1 << 28);
  const int32_t t2 = engine_doubling_high(t, t);
  const int32_t t3 = engine_doubling_high(t2, t);
  const int32_t t4_4 = engine_rounding_shift(engine_doubling_high(t2, t2), 2);
  const int32_t tail = engine_rounding_shift(engine_doubling_high(t4_4 + t3, 715827883) + t2, 1);
  int32_t result = 1895147668 + engine_doubling_high(1895147668, t + tail);
  const int32_t rest = within - x;
  for (int32_t k = 0; k < 7; k++) {
    if (rest & (1 << (24 + k))) result = engine_doubling_high(result, powers[k]);
  }
  return result;
}

/* 1 / (1 + x) in Q0.31 of x in [0, 1) in Q0.31 (one_over_one_plus_x_for_x_in_0_1): Newton-Raphson. */
static inline int32_t engine_one_over_one_plus(int32_t x) {
  const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2); /* (1 + x) / 2 */
  int32_t y = 1515870810 + engine_doubling_high(half, -1010580540);  /* Q2.29: 48/17 - 32/17 half */
  for (int32_t k = 0; k < 3; k++) {
    const int32_t error = (1 << 29) - engine_doubling_high(half, y);
    y += engine_saturating_shift_left(engine_doubling_high(y, error), 2);
  }
  return engine_saturating_shift_left(y, 1);
}

static inline int32_t engine_leading_zeros(uint32_t x) {
  int32_t count = 32;
  for (; x; x >>= 1) count--;
  return count;
}

#endif
