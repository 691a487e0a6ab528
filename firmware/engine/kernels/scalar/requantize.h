/* Sums to int8 as engine_requantize rounds them twice, without branches: the same numbers in fewer instructions. */
#ifndef ENGINE_SCALAR_REQUANTIZE_H
#define ENGINE_SCALAR_REQUANTIZE_H

#include "engine.h"

/* How one output channel is requantized. bias: the input's zero point is folded in where all taps count. left, right:
 * shifts, one of them 0. multiplier: not negative. */
typedef struct {
  int32_t bias, multiplier;
  int8_t left, right;
} engine_scalar_channel;

/* zero: the output's zero point. low, high: what outputs are clamped to. */
typedef struct {
  int32_t zero, low, high;
} engine_scalar_range;

/* Write the sums of `count` channels, 1 or more. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
void engine_scalar_requantize(const int32_t *sums, const engine_scalar_channel *channels, int32_t count,
                              const engine_scalar_range *range, int8_t *out);
#else
static inline void engine_scalar_requantize(const int32_t *sums, const engine_scalar_channel *channels, int32_t count,
                                            const engine_scalar_range *range, int8_t *out) {
  for (const engine_scalar_channel *const end = channels + count; channels != end; channels++) {
    const int32_t sum = engine_shift_left(*sums++ + channels->bias, channels->left);
    /* sum * multiplier / 2^31, halves up: the two halves of the product are one instruction (SMULL), this is five. */
    int32_t value = (int32_t)(((int64_t)sum * channels->multiplier + (1 << 30)) >> 31);
    /* Halves away from zero: one less where negative, then halves up. */
    const int32_t right = channels->right;
    if (right > 0) value = (value + (1 << (right - 1)) + (value >> 31)) >> right;
    *out++ = (int8_t)engine_clamp(value + range->zero, range->low, range->high);
  }
}
#endif

#endif
