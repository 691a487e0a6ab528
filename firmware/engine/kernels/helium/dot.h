/* Sums of products of int8, sixteen in an instruction. The loops are predicated by the hardware (DLSTP and LETP), which
 * gcc does not write: counts need not be multiples of sixteen, and nothing behind the last value is read. */
#ifndef ENGINE_HELIUM_DOT_H
#define ENGINE_HELIUM_DOT_H

#include <arm_mve.h>

#include "engine.h"

/* start + the sum of shared[k] * r[k] over k < count, for each of four rows. count: 1 or more. */
static inline int32x4_t engine_helium_dot_4(const int8_t *shared, const int8_t *r0, const int8_t *r1, const int8_t *r2,
                                            const int8_t *r3, int32_t count, int32_t start) {
  int32_t s0 = start, s1 = start, s2 = start, s3 = start;
  int32x4_t sums;
  __asm volatile(
      "dlstp.8 lr, %[count]\n"
      "1:\n"
      "vldrb.8 q0, [%[shared]], #16\n"
      "vldrb.8 q1, [%[r0]], #16\n"
      "vmladava.s8 %[s0], q0, q1\n"
      "vldrb.8 q2, [%[r1]], #16\n"
      "vmladava.s8 %[s1], q0, q2\n"
      "vldrb.8 q1, [%[r2]], #16\n"
      "vmladava.s8 %[s2], q0, q1\n"
      "vldrb.8 q2, [%[r3]], #16\n"
      "vmladava.s8 %[s3], q0, q2\n"
      "letp lr, 1b\n"
      "vmov %e[sums], %[s0], %[s1]\n"
      "vmov %f[sums], %[s2], %[s3]\n"
      : [s0] "+Te"(s0), [s1] "+Te"(s1), [s2] "+Te"(s2), [s3] "+Te"(s3), [shared] "+r"(shared), [r0] "+r"(r0),
        [r1] "+r"(r1), [r2] "+r"(r2), [r3] "+r"(r3), [sums] "=w"(sums)
      : [count] "r"(count)
      : "lr", "q0", "q1", "q2", "memory");
  return sums;
}

#endif
