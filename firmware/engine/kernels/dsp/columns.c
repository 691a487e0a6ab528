#include "columns.h"

#include <stddef.h>

_Static_assert(offsetof(engine_dsp_product, pairs_end) == 28, "the assembly reads these members by their places");
_Static_assert(sizeof(engine_dsp_pair) == 16, "the assembly reads pairs by their places");

/* These functions are assembly from end to end: the tile of four columns and two channels fills all fourteen registers
 * (8 sums, 2 for columns, 2 for weights, 2 addresses), and gcc 12 keeps several of them on the stack. */
#define NAKED __attribute__((naked, noinline))
#pragma GCC diagnostic ignored "-Wunused-parameter"  /* the assembly has them in r0 to r3 */

/* One pair of four columns times one pair of two channels: 13 instructions for 16 products. Each is of four bytes, so
 * that the loop can be entered at any of its steps.
 * r0 columns, r1 weights; r2..r9 the sums: column 0 channel 0, column 0 channel 1, column 1 channel 0, ... */
#define STEP                      \
  "ldr r12, [r1], #4\n"           \
  "ldrd r10, r11, [r0], #8\n"     \
  "sxtb16 lr, r12\n"              \
  "sxtb16 r12, r12, ror #8\n"     \
  "smlad r2, r10, lr, r2\n"       \
  "smlad r3, r10, r12, r3\n"      \
  "smlad r4, r11, lr, r4\n"       \
  "smlad r5, r11, r12, r5\n"      \
  "ldrd r10, r11, [r0], #8\n"     \
  "smlad r6, r10, lr, r6\n"       \
  "smlad r7, r10, r12, r7\n"      \
  "smlad r8, r11, lr, r8\n"       \
  "smlad r9, r11, r12, r9\n"

/* A sum to an int8 and into memory: see requantize.h. r10 multiplier, r12 shift, lr zero point. */
#define STORE(sum, place)                       \
  "smmlar " sum ", " sum ", r10, " sum "\n"     \
  "add " sum ", " sum ", " sum ", asr #31\n"    \
  "asrs " sum ", " sum ", r12\n"                \
  "adc " sum ", " sum ", lr\n"                  \
  "ssat " sum ", #8, " sum "\n"                 \
  "strb " sum ", " place "\n"

NAKED void engine_dsp_four_columns(const engine_dsp_product *product, const int8_t *weights) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "ldm r0, {r2-r9}\n"
      /* Where the unrolled loop is entered: the first turn has the steps that no whole turns are made of. */
      "rsbs r7, r7, #0\n"
      "and r7, r7, #15\n"
      "movs r10, #52\n"
      "adr r11, 2f\n"
      "mla r7, r7, r10, r11\n"
      "orr r7, r7, #1\n"
      "push {r2-r9}\n"  /* sp: output, stride, pair, zero, columns, entry, columns_end, pairs_end */

      "1:\n"
      "ldr r12, [sp, #8]\n"
      "ldr r0, [sp, #16]\n"
      "ldrd r2, r3, [r12]\n"
      "asr r2, r2, #5\n"
      "asr r3, r3, #5\n"
      "mov r4, r2\n"
      "mov r5, r3\n"
      "mov r6, r2\n"
      "mov r7, r3\n"
      "mov r8, r2\n"
      "mov r9, r3\n"
      "ldr pc, [sp, #20]\n"
      ".p2align 2\n"
      "2:\n"
      "@ LLVM-MCA-BEGIN four columns\n"
      STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP
      "ldr r12, [sp, #24]\n"
      "cmp r0, r12\n"
      "bne 2b\n"
      "@ LLVM-MCA-END\n"

      /* Outputs of channel 0, columns 0 to 3, then of channel 1, columns 1, 2, 3, 0: the address moves least. */
      "ldm sp, {r0, r11, r12, lr}\n"
      "ldr r10, [r12, #8]\n"
      "ldr r12, [r12]\n"
      "and r12, r12, #31\n"
      STORE("r2", "[r0]")
      STORE("r4", "[r0, r11]")
      STORE("r6", "[r0, r11, lsl #1]")
      "add r0, r0, r11\n"
      STORE("r8", "[r0, r11, lsl #1]")
      "ldr r2, [sp, #8]\n"
      "ldr r12, [r2, #4]\n"
      "ldr r10, [r2, #12]\n"
      "and r12, r12, #31\n"
      "adds r0, r0, #1\n"
      STORE("r5", "[r0]")
      STORE("r7", "[r0, r11]")
      STORE("r9", "[r0, r11, lsl #1]")
      "sub r0, r0, r11\n"
      STORE("r3", "[r0]")
      "adds r0, r0, #1\n"
      "str r0, [sp]\n"
      "adds r2, r2, #16\n"
      "str r2, [sp, #8]\n"
      "ldr r4, [sp, #28]\n"
      "cmp r2, r4\n"
      "bne 1b\n"
      "add sp, sp, #32\n"
      "pop {r4-r11, pc}\n");
}

/* A step of one column: r2, r3 the sums. */
#define ONE(weights, column)                           \
  "sxtb16 r12, " weights "\n"                          \
  "sxtb16 " weights ", " weights ", ror #8\n"          \
  "smlad r2, " column ", r12, r2\n"                    \
  "smlad r3, " column ", " weights ", r3\n"

NAKED void engine_dsp_one_column(const engine_dsp_product *product, const int8_t *weights) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "ldm r0, {r2-r9}\n"
      "push {r2-r9}\n"  /* sp: output, stride, pair, zero, columns, steps, columns_end, pairs_end */

      "1:\n"
      "ldr r12, [sp, #8]\n"
      "ldr r0, [sp, #16]\n"
      "ldr lr, [sp, #20]\n"
      "ldrd r2, r3, [r12]\n"
      "asr r2, r2, #5\n"
      "asr r3, r3, #5\n"
      "subs lr, lr, #4\n"
      "bmi 3f\n"
      "2:\n"
      "ldm r1!, {r4-r7}\n"
      "ldm r0!, {r8-r11}\n"
      ONE("r4", "r8") ONE("r5", "r9") ONE("r6", "r10") ONE("r7", "r11")
      "subs lr, lr, #4\n"
      "bpl 2b\n"
      "3:\n"
      "adds lr, lr, #4\n"
      "beq 5f\n"
      "4:\n"
      "ldr r4, [r1], #4\n"
      "ldr r8, [r0], #4\n"
      ONE("r4", "r8")
      "subs lr, lr, #1\n"
      "bne 4b\n"
      "5:\n"

      "ldr r0, [sp]\n"
      "ldr r11, [sp, #8]\n"
      "ldr lr, [sp, #12]\n"
      "ldm r11!, {r4-r7}\n"
      "mov r10, r6\n"
      "and r12, r4, #31\n"
      STORE("r2", "[r0], #1")
      "mov r10, r7\n"
      "and r12, r5, #31\n"
      STORE("r3", "[r0], #1")
      "str r0, [sp]\n"
      "str r11, [sp, #8]\n"
      "ldr r4, [sp, #28]\n"
      "cmp r11, r4\n"
      "bne 1b\n"
      "add sp, sp, #32\n"
      "pop {r4-r11, pc}\n");
}

/* 17 instructions for 16 values: gcc 12 takes 23, since it makes no STM of the stores. */
NAKED uint32_t *engine_dsp_widen_four(const int8_t *run, int32_t apart, int32_t count, uint32_t *columns) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "add lr, r3, r2, lsl #3\n"
      "add r12, r1, r1, lsl #1\n"
      "add r12, r12, r0\n"
      "add r2, r0, r1, lsl #1\n"
      "add r1, r1, r0\n"
      "1:\n"
      "ldr r4, [r0], #4\n"
      "ldr r5, [r1], #4\n"
      "ldr r6, [r2], #4\n"
      "ldr r7, [r12], #4\n"
      "sxtb16 r8, r4\n"
      "sxtb16 r9, r5\n"
      "sxtb16 r10, r6\n"
      "sxtb16 r11, r7\n"
      "stm r3!, {r8-r11}\n"
      "sxtb16 r4, r4, ror #8\n"
      "sxtb16 r5, r5, ror #8\n"
      "sxtb16 r6, r6, ror #8\n"
      "sxtb16 r7, r7, ror #8\n"
      "stm r3!, {r4-r7}\n"
      "cmp r3, lr\n"
      "bne 1b\n"
      "mov r0, r3\n"
      "pop {r4-r11, pc}\n");
}
