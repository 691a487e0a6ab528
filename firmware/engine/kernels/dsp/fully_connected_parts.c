/* Sums of all outputs stay in memory, and the inputs are widened a part at a time: fully_connected.c has all inputs
 * widened at once, twice their bytes. */
#include "fully_connected_parts.h"

#include <stddef.h>

#include "dense.h"
#include "requantize.h"

/* A part of the inputs of all outputs, added to sums in memory. The assembly reads the members by their places. */
typedef struct {
  const uint32_t *in;
  const int8_t *weights;
  int32_t *sums;
  const int32_t *sums_end;
  int32_t fours;
  int32_t others; /* bytes of weights of a group's other inputs */
} partial;
_Static_assert(offsetof(partial, others) == 20, "the assembly reads these members by their places");

#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 */
__attribute__((naked, noinline)) static void add_partial(const partial *work) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "ldm r0, {r2-r7}\n"
      "add lr, r2, r6, lsl #3\n"
      "rsbs r6, r6, #0\n"
      "and r6, r6, #3\n"
      "movs r0, #72\n"
      "adr r1, 2f\n"
      "mla r6, r6, r0, r1\n"
      "orr r6, r6, #1\n"
      "mov r1, r3\n"
      "push {r2-r7}\n" /* sp: in, weights, sums, sums_end, entry, others */
      "1:\n"
      "ldr r12, [sp, #8]\n"
      "ldr r0, [sp]\n"
      "ldm r12, {r2-r5}\n"
      "ldr pc, [sp, #16]\n"
      ".p2align 2\n"
      "2:\n"
      DENSE_STEP DENSE_STEP DENSE_STEP DENSE_STEP
      "cmp r0, lr\n"
      "bne 2b\n"
      "ldr r12, [sp, #8]\n"
      "stm r12!, {r2-r5}\n"
      "str r12, [sp, #8]\n"
      "ldrd r2, r3, [sp, #16]\n"
      "add r1, r1, r3\n"
      "ldr r2, [sp, #12]\n"
      "cmp r12, r2\n"
      "bne 1b\n"
      "add sp, sp, #24\n"
      "pop {r4-r11, pc}\n");
}

/* One row in parts, whose inputs alone are widened at one time. */
static void one_row(const engine_dsp_fully_connected_layer *layer, int32_t part, const int8_t *in, int8_t *out,
                    void *scratch) {
  const int32_t groups = (layer->outputs + 3) / 4, fours = (layer->inputs + 3) / 4;
  const uint32_t *const multipliers = layer->multipliers;
  int32_t *const sums = (int32_t *)scratch + part / 2; /* behind the widened inputs */
  for (int32_t n = 0; n < 4 * groups; n++) {
    sums[n] = multipliers == NULL ? layer->starts[n] : layer->starts[n] >> 5;
  }
  for (int32_t first = 0; first < layer->inputs; first += part) {
    const int32_t left = layer->inputs - first, inputs = left < part ? left : part;
    const int32_t here = (inputs + 3) / 4;
    engine_dsp_widen_inputs(in + first, inputs, scratch);
    add_partial(&(partial){scratch, layer->weights + 4 * first, sums, sums + 4 * groups, here, 16 * (fours - here)});
  }
  for (int32_t n = 0; n < layer->outputs; n++) {
    const uint32_t multiplier = multipliers == NULL ? layer->multiplier : multipliers[n];
    const uint32_t shift = (uint32_t)(multipliers == NULL ? layer->shift : layer->starts[n] & 31);
    out[n] = (int8_t)engine_dsp_requantize(sums[n], multiplier, shift, layer->output_zero);
  }
}

void engine_dsp_fully_connected_parts(const engine_dsp_fully_connected_parts_layer *layer, const int8_t *in,
                                      int8_t *out, void *scratch) {
  const engine_dsp_fully_connected_layer *dense = &layer->dense;
  for (int32_t row = 0; row < dense->rows; row++, in += dense->inputs, out += dense->outputs) {
    one_row(dense, layer->part, in, out, scratch);
  }
}
