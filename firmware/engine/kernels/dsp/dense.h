/* What the dense layers' inner loops have in common. */
#ifndef ENGINE_DSP_DENSE_H
#define ENGINE_DSP_DENSE_H

#include "widen.h"

#define DENSE_ROW(sum, weights)                    \
  "sxtb16 r12, " weights "\n"                      \
  "sxtb16 " weights ", " weights ", ror #8\n"      \
  "smlad " sum ", r10, r12, " sum "\n"             \
  "smlad " sum ", r11, " weights ", " sum "\n"

/* Four inputs of four outputs: 18 instructions for 16 products, each of four bytes, so that the loop can be entered
 * at any of its steps. r0 inputs, r1 weights, r2..r5 the sums. */
#define DENSE_STEP                                       \
  "ldm r1!, {r6-r9}\n"                                   \
  "ldrd r10, r11, [r0], #8\n"                            \
  DENSE_ROW("r2", "r6") DENSE_ROW("r3", "r7") DENSE_ROW("r4", "r8") DENSE_ROW("r5", "r9")

/* Widen inputs; zeros to a multiple of four. */
static inline void engine_dsp_widen_inputs(const int8_t *in, int32_t inputs, uint32_t *pairs) {
  uint32_t *const end = engine_dsp_widen(in, inputs & ~3, 1, pairs);
  if (inputs % 4 != 0) {
    int8_t last[4] = {0, 0, 0, 0};
    for (int32_t k = 0; k < inputs % 4; k++) last[k] = in[(inputs & ~3) + k];
    engine_dsp_widen(last, 4, 1, end);
  }
}

#endif
