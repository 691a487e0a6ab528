/* A sum to an int8, as TensorFlow Lite Micro rounds it, in five instructions.
 *
 * gemmlowp's two steps (fixedpoint/fixedpoint.h): SaturatingRoundingDoublingHighMul, round(2*a*b / 2^32) with halves
 * up; then RoundingDivideByPOT, with halves away from zero.
 *   SMMLAR  a + round(a * b' / 2^32) with b' = 2*b - 2^32, which is what the word 2*b means as a signed number: the
 *           doubling costs nothing, and cannot overflow. It needs b in [2^30, 2^31), which all multipliers are in.
 *   ADD     one less where negative: halves up becomes halves away from zero
 *   ASRS    by 1 to 31; the carry is the last bit that falls out
 *   ADC     carry and zero point together: the rounding costs no instruction of its own
 *   SSAT    to eight bits
 * Left shifts, a shift of 0 and bounds other than int8's own do not fit: those layers have another kernel. */
#ifndef ENGINE_DSP_REQUANTIZE_H
#define ENGINE_DSP_REQUANTIZE_H

#include <stdint.h>

/* One channel's: (bias, the input's zero point folded in) << 5 | right shift; twice TensorFlow Lite's multiplier. */
typedef struct {
  int32_t start;
  uint32_t multiplier;
} engine_dsp_channel;

static inline int32_t engine_dsp_requantize(int32_t sum, uint32_t multiplier, uint32_t shift, int32_t zero) {
  __asm("smmlar %0, %0, %1, %0\n\t"
        "add %0, %0, %0, asr #31\n\t"
        "asrs %0, %0, %2\n\t"
        "adc %0, %0, %3\n\t"
        "ssat %0, #8, %0"
        : "+&r"(sum)
        : "r"(multiplier), "r"(shift), "r"(zero)
        : "cc");
  return sum;
}

#endif
