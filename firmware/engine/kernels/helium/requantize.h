/* Four sums to the output's scale, as TensorFlow Lite Micro rounds them.
 *
 * gemmlowp's two steps (fixedpoint/fixedpoint.h): SaturatingRoundingDoublingHighMul, round(2*a*b / 2^32) with halves
 * up, is VQRDMULH; RoundingDivideByPOT, with halves away from zero, is VRSHL, which rounds halves up, of one less where
 * negative. (One less than INT32_MIN cannot be: multipliers are below 2^31.) Left shifts come before, modulo 2^32. */
#ifndef ENGINE_HELIUM_REQUANTIZE_H
#define ENGINE_HELIUM_REQUANTIZE_H

#include <arm_mve.h>

#include "engine.h"

/* All four with the same multiplier and shift. */
static inline int32x4_t engine_helium_scale(int32x4_t sums, int32_t multiplier, int32_t shift) {
  if (shift >= 0) return vqrdmulhq_n_s32(vshlq_r_s32(sums, shift), multiplier);
  sums = vqrdmulhq_n_s32(sums, multiplier);
  return vrshlq_n_s32(vaddq_s32(sums, vshrq_n_s32(sums, 31)), shift);
}

/* Each with its own multiplier and shift. rightwards: whether all shifts are below 0, which takes half as long. */
static inline int32x4_t engine_helium_scale_each(int32x4_t sums, int32x4_t multipliers, int32x4_t shifts,
                                                 int32_t rightwards) {
  if (rightwards) {
    sums = vqrdmulhq_s32(sums, multipliers);
    return vrshlq_s32(vaddq_s32(sums, vshrq_n_s32(sums, 31)), shifts);
  }
  const int32x4_t none = vdupq_n_s32(0), right = vminq_s32(shifts, none);
  sums = vqrdmulhq_s32(vshlq_s32(sums, vmaxq_s32(shifts, none)), multipliers);
  /* A shift of 0 rounds nothing. */
  return vrshlq_s32(vaddq_s32(sums, vshrq_n_s32(vandq_s32(sums, right), 31)), right);
}

/* To an int8 in each lane. */
static inline int32x4_t engine_helium_clamp(int32x4_t values, int32_t zero, int32x4_t low, int32x4_t high) {
  return vminq_s32(vmaxq_s32(vaddq_n_s32(values, zero), low), high);
}

#endif
