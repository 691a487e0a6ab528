/* A sum to an int8 as engine_requantize rounds it twice, without branches: the same numbers in fewer instructions. */
#ifndef ENGINE_SCALAR_REQUANTIZE_H
#define ENGINE_SCALAR_REQUANTIZE_H

#include "engine.h"

/* sum * multiplier / 2^31, halves up. multiplier: not negative.
 *
 * Where the two halves of a 64-bit product are one instruction (SMULL) gcc makes five of this. ARMv6-M multiplies to 32
 * bits alone, and gcc calls a function for 64: the product in halves of 16 bits, of which the lowest cannot be seen. */
static inline int32_t engine_scalar_doubling_high(int32_t sum, int32_t multiplier) {
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
  const int32_t sum_high = sum >> 16, high = multiplier >> 16;
  const uint32_t sum_low = (uint32_t)sum & 0xFFFF, low = (uint32_t)multiplier & 0xFFFF;
  const int32_t first = sum_high * (int32_t)low + (int32_t)((sum_low * low) >> 16);
  const uint32_t second = sum_low * (uint32_t)high + ((uint32_t)first & 0xFFFF);
  const int32_t upper = sum_high * high + (first >> 16) + (int32_t)(second >> 16);
  return (int32_t)((uint32_t)upper << 1) + (int32_t)((second >> 15) & 1) + (int32_t)((second >> 14) & 1);
#else
  return (int32_t)(((int64_t)sum * multiplier + (1 << 30)) >> 31);
#endif
}

/* How one output channel is requantized. bias: the input's zero point is folded in. left, right: shifts, one of them
 * 0. */
typedef struct {
  int32_t bias, multiplier;
  int8_t left, right;
} engine_scalar_channel;

static inline int32_t engine_scalar_requantize(int32_t sum, const engine_scalar_channel *channel, int32_t zero,
                                               int32_t low, int32_t high) {
  int32_t value = engine_scalar_doubling_high(engine_shift_left(sum, channel->left), channel->multiplier);
  /* Halves away from zero: one less where negative, then halves up. */
  if (channel->right > 0) value = (value + (1 << (channel->right - 1)) + (value >> 31)) >> channel->right;
  return engine_clamp(value + zero, low, high);
}

#endif
