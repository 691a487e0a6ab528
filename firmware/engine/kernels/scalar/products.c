#include "products.h"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)

/* Eight registers are all that most instructions take, and only a load with a register as its offset extends the sign:
 * three addresses, one offset, two sums, two values. 9 instructions for two products, where gcc 12 takes 13. */
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 to r3 and on the stack */
__attribute__((naked, noinline)) void engine_scalar_one_by_two(const int8_t *column, const int8_t *a, const int8_t *b,
                                                               int32_t count, int32_t *sums) {
  __asm volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n"
      "ldr r4, [sp, #20]\n"
      "ldr r5, [r4, #4]\n"
      "ldr r4, [r4]\n"
      "adds r0, r0, r3\n"
      "adds r1, r1, r3\n"
      "adds r2, r2, r3\n"
      "rsbs r3, r3, #0\n"
      "1:\n"
      "ldrsb r6, [r0, r3]\n"
      "ldrsb r7, [r1, r3]\n"
      "muls r7, r6, r7\n"
      "adds r4, r4, r7\n"
      "ldrsb r7, [r2, r3]\n"
      "muls r7, r6, r7\n"
      "adds r5, r5, r7\n"
      "adds r3, r3, #1\n"
      "bne 1b\n"
      "ldr r0, [sp, #20]\n"
      "str r4, [r0]\n"
      "str r5, [r0, #4]\n"
      "pop {r4-r7, pc}\n");
}

#else

void engine_scalar_one_by_two(const int8_t *column, const int8_t *a, const int8_t *b, int32_t count, int32_t *sums) {
  int32_t sum_a = sums[0], sum_b = sums[1];
#pragma GCC unroll 4
  for (int32_t k = count; k > 0; k--) {
    const int32_t value = *column++;
    sum_a += value * *a++;
    sum_b += value * *b++;
  }
  sums[0] = sum_a, sums[1] = sum_b;
}

#endif

void engine_scalar_two_by_two(const int8_t *column, const int8_t *next, const int8_t *a, const int8_t *b, int32_t count,
                              int32_t *sums) {
  int32_t sum_0a = sums[0], sum_0b = sums[1], sum_1a = sums[2], sum_1b = sums[3];
#pragma GCC unroll 2
  for (int32_t k = count; k > 0; k--) {
    const int32_t zero = *column++, one = *next++, first = *a++, second = *b++;
    sum_0a += zero * first;
    sum_0b += zero * second;
    sum_1a += one * first;
    sum_1b += one * second;
  }
  sums[0] = sum_0a, sums[1] = sum_0b, sums[2] = sum_1a, sums[3] = sum_1b;
}
