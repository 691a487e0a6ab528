/* Four outputs at a time: an input is loaded once for four products, and all weights are loaded once. */
#include "fully_connected.h"

#include <stddef.h>

#include "dense.h"

/* What one call computes: groups of four outputs. The assembly reads the members by their places. */
typedef struct {
  const uint32_t *in; /* pairs of inputs */
  const int8_t *weights;
  const int32_t *starts, *starts_end;
  const uint32_t *multipliers;
  int32_t fours; /* inputs / 4; becomes the address where the loop is entered */
  uint32_t multiplier, shift;
  int32_t zero;
  int8_t *out;
} job;
_Static_assert(offsetof(job, out) == 36, "the assembly reads these members by their places");

#define NAKED __attribute__((naked, noinline))
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 */

/* A sum to an int8 and into memory: requantize.h. r10 multiplier, r11 shift, r12 zero point, r0 out. */
#define STORE(sum)                              \
  "smmlar " sum ", " sum ", r10, " sum "\n"     \
  "add " sum ", " sum ", " sum ", asr #31\n"    \
  "asrs " sum ", " sum ", r11\n"                \
  "adc " sum ", " sum ", r12\n"                 \
  "ssat " sum ", #8, " sum "\n"                 \
  "strb " sum ", [r0], #1\n"

#define GROUPS(begin, stores)                                                           \
  "push {r4-r11, lr}\n"                                                                 \
  "ldm r0, {r2-r11}\n"                                                                  \
  "add lr, r2, r7, lsl #3\n" /* the inputs' end */                                      \
  "rsbs r7, r7, #0\n"                                                                   \
  "and r7, r7, #3\n"                                                                    \
  "movs r0, #72\n"                                                                      \
  "adr r1, 2f\n"                                                                        \
  "mla r7, r7, r0, r1\n"                                                                \
  "orr r7, r7, #1\n"                                                                    \
  "mov r1, r3\n"                                                                        \
  "push {r2-r11}\n" /* sp: in, weights, starts, end, multipliers, entry, multiplier, */ \
  "1:\n"            /*     shift, zero, out */                                          \
  "ldr r12, [sp, #8]\n"                                                                 \
  "ldr r0, [sp]\n"                                                                      \
  "ldm r12!, {r2-r5}\n"                                                                 \
  "str r12, [sp, #8]\n" begin                                                           \
  "ldr pc, [sp, #20]\n"                                                                 \
  ".p2align 2\n"                                                                        \
  "2:\n"                                                                                \
  "@ LLVM-MCA-BEGIN four outputs of a dense layer\n"                                    \
  DENSE_STEP DENSE_STEP DENSE_STEP DENSE_STEP                                           \
  "cmp r0, lr\n"                                                                        \
  "bne 2b\n"                                                                            \
  "@ LLVM-MCA-END\n" stores                                                             \
  "str r0, [sp, #36]\n"                                                                 \
  "ldrd r2, r3, [sp, #8]\n"                                                             \
  "cmp r2, r3\n"                                                                        \
  "bne 1b\n"                                                                            \
  "add sp, sp, #40\n"                                                                   \
  "pop {r4-r11, pc}\n"

NAKED static void groups_alike(const job *work) {
  __asm volatile(GROUPS(
      "",
      "ldrd r10, r11, [sp, #24]\n"
      "ldr r12, [sp, #32]\n"
      "ldr r0, [sp, #36]\n"
      STORE("r2") STORE("r3") STORE("r4") STORE("r5")));
}

#define OWN(sum, start, multiplier) "and r11, " start ", #31\n mov r10, " multiplier "\n" STORE(sum)

NAKED static void groups_each_its_own(const job *work) {
  __asm volatile(GROUPS(
      "asr r2, r2, #5\n asr r3, r3, #5\n asr r4, r4, #5\n asr r5, r5, #5\n",
      "ldr r12, [sp, #8]\n"
      "ldmdb r12, {r6-r9}\n"
      "and r6, r6, #31\n and r7, r7, #31\n and r8, r8, #31\n and r9, r9, #31\n"
      "ldr r12, [sp, #32]\n"
      "ldr r0, [sp, #16]\n"
      "ldr r10, [r0], #4\n mov r11, r6\n ldr r6, [r0], #4\n"
      "push {r0}\n"
      "ldr r0, [sp, #40]\n"
      STORE("r2")
      "mov r10, r6\n mov r11, r7\n"
      STORE("r3")
      "pop {r6}\n"
      "ldr r10, [r6], #4\n mov r11, r8\n"
      STORE("r4")
      "ldr r10, [r6], #4\n mov r11, r9\n"
      STORE("r5")
      "str r6, [sp, #16]\n"));
}

void engine_dsp_fully_connected(const engine_dsp_fully_connected_layer *layer, const int8_t *in, int8_t *out,
                                void *scratch) {
  const int32_t inputs = layer->inputs, outputs = layer->outputs;
  const int32_t whole = outputs / 4, more = outputs % 4, fours = (inputs + 3) / 4;
  void (*const run)(const job *) = layer->multipliers == NULL ? groups_alike : groups_each_its_own;
  for (int32_t row = 0; row < layer->rows; row++, in += inputs, out += outputs) {
    engine_dsp_widen_inputs(in, inputs, scratch);
    job work = {scratch, layer->weights, layer->starts, layer->starts + 4 * whole, layer->multipliers, fours,
                layer->multiplier, (uint32_t)layer->shift, layer->output_zero, out};
    if (whole > 0) run(&work);
    if (more > 0) {
      int8_t last[4];
      work.weights += 16 * fours * whole;
      work.starts = work.starts_end;
      work.starts_end += 4;
      if (work.multipliers != NULL) work.multipliers += 4 * whole;
      work.out = last;
      run(&work);
      for (int32_t c = 0; c < more; c++) out[4 * whole + c] = last[c];
    }
  }
}
