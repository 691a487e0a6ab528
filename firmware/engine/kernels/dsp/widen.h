/* int8 to int16, four values in a load and two instructions. */
#ifndef ENGINE_DSP_WIDEN_H
#define ENGINE_DSP_WIDEN_H

#include <stdint.h>
#include <string.h>

/* Widen a run to the pairs (k0,k2), (k1,k3), (k4,k6), ... that SXTB16 makes of a word, and of the word rotated by 8.
 * Each is written `apart` words from the one before. count: a multiple of four. Returns where the next would go. */
static inline uint32_t *engine_dsp_widen(const int8_t *run, int32_t count, int32_t apart, uint32_t *pairs) {
  for (const int8_t *const end = run + count; run != end; run += 4) {
    uint32_t word, even, odd;
    memcpy(&word, run, 4); /* the cores have loads from any address */
    __asm("sxtb16 %0, %2\n\tsxtb16 %1, %2, ror #8" : "=&r"(even), "=r"(odd) : "r"(word));
    pairs[0] = even;
    pairs[apart] = odd;
    pairs += 2 * apart;
  }
  return pairs;
}

#endif
