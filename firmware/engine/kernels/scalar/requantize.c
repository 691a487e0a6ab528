/* ARMv6-M multiplies to 32 bits alone, and gcc calls a function for 64: here the product is made in halves of 16 bits, of
 * which the lowest cannot be seen. The bit that a shift moves out last is the carry, which is added: that rounds. */
#include "requantize.h"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)

#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 to r3 and on the stack */
__attribute__((naked, noinline)) void engine_scalar_requantize(const int32_t *sums,
                                                               const engine_scalar_channel *channels, int32_t count,
                                                               const engine_scalar_range *range, int8_t *out) {
  __asm volatile(
      ".syntax unified\n"
      "push {r4-r7, lr}\n"
      "mov r4, r8\n"
      "mov r5, r10\n"
      "mov r6, r11\n"
      "push {r4-r6}\n"
      "ldr r7, [sp, #32]\n" /* out */
      "lsls r2, r2, #2\n"
      "adds r2, r2, r0\n"
      "mov r8, r2\n" /* behind the last sum */
      "ldm r3!, {r4-r6}\n"
      "mov r10, r4\n"
      "mov r11, r5\n"
      "mov r12, r6\n"
      "1:\n"
      "ldm r0!, {r2}\n"
      "ldm r1!, {r3, r4}\n" /* bias, multiplier */
      "adds r2, r2, r3\n"
      "ldrb r5, [r1]\n" /* left */
      "lsls r2, r5\n"
      /* The sum is r3 * 2^16 + r2, the multiplier r5 * 2^16 + r4. */
      "asrs r3, r2, #16\n"
      "uxth r2, r2\n"
      "lsrs r5, r4, #16\n"
      "uxth r4, r4\n"
      "movs r6, r2\n"
      "muls r6, r4, r6\n"
      "lsrs r6, r6, #16\n"
      "muls r4, r3, r4\n"
      "adds r4, r4, r6\n"
      "muls r2, r5, r2\n"
      "uxth r6, r4\n"
      "adds r2, r2, r6\n"
      "muls r3, r5, r3\n"
      "asrs r4, r4, #16\n"
      "adds r3, r3, r4\n"
      "lsrs r4, r2, #16\n"
      "adds r3, r3, r4\n"
      /* The product is r3 * 2^32 and the lower half of r2 * 2^16: divided by 2^31, halves up. */
      "movs r4, #0\n"
      "lsls r2, r2, #17\n"
      "adcs r3, r3, r3\n"
      "lsls r2, r2, #1\n"
      "adcs r3, r3, r4\n"
      "ldrb r5, [r1, #1]\n" /* right */
      "adds r1, r1, #4\n"
      "cmp r5, #0\n"
      "beq 2f\n" /* such a shift leaves the carry as it is */
      /* Halves away from zero: one less where negative, then halves up. */
      "asrs r2, r3, #31\n"
      "adds r3, r3, r2\n"
      "asrs r3, r5\n"
      "adcs r3, r3, r4\n"
      "2:\n"
      "add r3, r10\n"
      "cmp r3, r11\n"
      "bge 3f\n"
      "mov r3, r11\n"
      "3:\n"
      "cmp r3, r12\n"
      "ble 4f\n"
      "mov r3, r12\n"
      "4:\n"
      "strb r3, [r7]\n"
      "adds r7, r7, #1\n"
      "cmp r0, r8\n"
      "bne 1b\n"
      "pop {r4-r6}\n"
      "mov r8, r4\n"
      "mov r10, r5\n"
      "mov r11, r6\n"
      "pop {r4-r7, pc}\n");
}

#endif
