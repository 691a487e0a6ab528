#include "windows.h"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)

/* Eight registers are all that most instructions take: two addresses with an offset each (no load that extends the sign
 * has another), sum, zero point and two values. What is only added, moved or compared is in the other registers. 8
 * instructions a product, where gcc 12 takes 11 to 20. */
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 to r3 and on the stack */
__attribute__((naked, noinline)) void engine_scalar_window_sums(const engine_scalar_part *part, const int8_t *value,
                                                                const int8_t *weights, int32_t count, int32_t *sums) {
  __asm volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n"
      "mov r4, r8\n"
      "mov r5, r9\n"
      "mov r6, r10\n"
      "mov r7, r11\n"
      "push {r3-r7}\n" /* count, r8 to r11; sums is at sp + 40 */
      "mov lr, r0\n"
      "ldm r0!, {r3-r6}\n" /* column, next_row, width, columns */
      "ldr r7, [r0, #12]\n" /* zero */
      "mov r8, r3\n"
      "mov r9, r4\n"
      "mov r10, r5\n"
      "mov r0, r1\n"
      "adds r1, r2, r6\n" /* behind the weights of a row: they are counted from there */
      "rsbs r6, r6, #0\n"
      "mov r11, r6\n"
      "1:\n" /* a channel */
      "mov r5, lr\n"
      "ldr r6, [r5, #16]\n" /* rows */
      "adds r6, r6, r1\n"
      "mov r12, r6\n"
      "movs r3, #0\n"
      "movs r4, #0\n"
      "2:\n" /* a row */
      "mov r2, r11\n"
      "3:\n"
      "ldrsb r5, [r0, r3]\n"
      "ldrsb r6, [r1, r2]\n"
      "subs r5, r5, r7\n"
      "muls r5, r6, r5\n"
      "adds r4, r4, r5\n"
      "add r3, r8\n"
      "adds r2, r2, #1\n"
      "bne 3b\n"
      "add r3, r9\n"
      "add r1, r10\n"
      "cmp r1, r12\n"
      "bne 2b\n"
      "ldr r5, [sp, #40]\n"
      "stm r5!, {r4}\n"
      "str r5, [sp, #40]\n"
      "mov r5, lr\n"
      "ldr r6, [r5, #20]\n" /* rest */
      "adds r1, r1, r6\n"
      "ldr r6, [r5, #24]\n" /* step */
      "adds r0, r0, r6\n"
      "ldr r6, [sp]\n"
      "subs r6, r6, #1\n"
      "str r6, [sp]\n"
      "bne 1b\n"
      "pop {r3-r7}\n"
      "mov r8, r4\n"
      "mov r9, r5\n"
      "mov r10, r6\n"
      "mov r11, r7\n"
      "pop {r4-r7, pc}\n");
}

#else

void engine_scalar_window_sums(const engine_scalar_part *part, const int8_t *value, const int8_t *weights, int32_t count,
                               int32_t *sums) {
  const int32_t column = part->column, next_row = part->next_row, columns = part->columns, zero = part->zero;
  const int32_t gap = part->width - columns;
  for (; count > 0; count--, value += part->step, weights += part->rest) {
    const int8_t *at = value;
    int32_t sum = 0;
    for (const int8_t *const end = weights + part->rows; weights != end; at += next_row, weights += gap) {
      for (const int8_t *const last = weights + columns; weights != last; at += column) sum += (*at - zero) * *weights++;
    }
    *sums++ = sum;
  }
}

#endif
