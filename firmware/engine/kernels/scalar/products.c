#include "products.h"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)

/* Eight registers are all that most instructions take, and only a load with a register as its offset extends the sign:
 * three addresses, one offset, two sums, two values. 9 instructions for two products, where gcc 12 takes 13. */
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 to r3 and on the stack */
__attribute__((naked, noinline)) void engine_scalar_one_column(const int8_t *column, const int8_t *weights,
                                                               int32_t depth, int32_t pairs, int32_t *sums) {
  __asm volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n"
      "mov r4, r8\n"
      "mov r5, r9\n"
      "mov r6, r10\n"
      "push {r4-r6}\n"
      "ldr r4, [sp, #32]\n" /* sums */
      "mov r9, r4\n"
      "lsls r3, r3, #3\n"
      "adds r3, r3, r4\n"
      "mov r10, r3\n" /* behind the last sum */
      "rsbs r3, r2, #0\n"
      "mov r8, r3\n"
      "adds r0, r0, r2\n" /* values are counted from their ends, up to 0 */
      "adds r1, r1, r2\n"
      "adds r2, r2, r1\n"
      "1:\n"
      "movs r4, #0\n"
      "movs r5, #0\n"
      "2:\n"
      "ldrsb r6, [r0, r3]\n"
      "ldrsb r7, [r1, r3]\n"
      "muls r7, r6, r7\n"
      "adds r4, r4, r7\n"
      "ldrsb r7, [r2, r3]\n"
      "muls r7, r6, r7\n"
      "adds r5, r5, r7\n"
      "adds r3, r3, #1\n"
      "bne 2b\n"
      "mov r6, r9\n"
      "stm r6!, {r4, r5}\n"
      "mov r9, r6\n"
      "mov r3, r8\n"
      "subs r1, r2, r3\n"
      "subs r2, r1, r3\n"
      "cmp r6, r10\n"
      "bne 1b\n"
      "pop {r4-r6}\n"
      "mov r8, r4\n"
      "mov r9, r5\n"
      "mov r10, r6\n"
      "pop {r4-r7, pc}\n");
}

#else

void engine_scalar_one_column(const int8_t *column, const int8_t *weights, int32_t depth, int32_t pairs, int32_t *sums) {
  for (const int32_t *const end = sums + 2 * pairs; sums != end; weights += 2 * depth) {
    const int8_t *value = column, *a = weights, *b = weights + depth;
    int32_t sum_a = 0, sum_b = 0;
#pragma GCC unroll 4
    for (int32_t k = depth; k > 0; k--) {
      const int32_t now = *value++;
      sum_a += now * *a++;
      sum_b += now * *b++;
    }
    *sums++ = sum_a, *sums++ = sum_b;
  }
}

#endif

void engine_scalar_two_columns(const int8_t *columns, const int8_t *weights, int32_t depth, int32_t pairs,
                               int32_t *sums) {
  int32_t *next_sums = sums + 2 * pairs;
  for (const int32_t *const end = next_sums; sums != end; weights += 2 * depth) {
    const int8_t *column = columns, *next = columns + depth, *a = weights, *b = weights + depth;
    int32_t sum_0a = 0, sum_0b = 0, sum_1a = 0, sum_1b = 0;
#pragma GCC unroll 2
    for (int32_t k = depth; k > 0; k--) {
      const int32_t zero = *column++, one = *next++, first = *a++, second = *b++;
      sum_0a += zero * first;
      sum_0b += zero * second;
      sum_1a += one * first;
      sum_1b += one * second;
    }
    *sums++ = sum_0a, *sums++ = sum_0b;
    *next_sums++ = sum_1a, *next_sums++ = sum_1b;
  }
}
