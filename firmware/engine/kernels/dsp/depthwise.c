/* One channel after the other: its values are widened to int16 into lines along which windows are read, padding and
 * all, and the output may be written over the input. */
#include "depthwise.h"

#include <stddef.h>

/* One line of outputs, four at a time. The assembly reads the members by their places. */
typedef struct {
  uint32_t multiplier, shift;
  int32_t zero;
  int8_t *out;
  int32_t apart[3]; /* bytes from the first of four outputs to the others; what there is none of has the place of the
                       last, and is written before it */
  const int16_t *end; /* of the first outputs' windows */
  int32_t entry;      /* pairs of taps of a line; becomes the address where the loop is entered */
  int32_t turns;      /* of the loop */
  const int16_t *weights;
  int32_t lines, next_line; /* of the window; bytes from one to the next */
  int32_t bias;
  int32_t stride; /* bytes from a window to the next */
  const int16_t *values;
} job;
_Static_assert(offsetof(job, values) == 60, "the assembly reads these members by their places");

#define NAKED __attribute__((naked, noinline))
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 */

/* A sum to an int8 and into memory: requantize.h. */
#define STORE(sum, place)                     \
  "smmlar " sum ", " sum ", r6, " sum "\n"    \
  "add " sum ", " sum ", " sum ", asr #31\n"  \
  "asrs " sum ", " sum ", r7\n"               \
  "adc " sum ", " sum ", r8\n"                \
  "ssat " sum ", #8, " sum "\n"               \
  "strb " sum ", " place "\n"

/* r0 values, r1 weights, r2..r5 the sums, r9 turns, r10 lines, r12 the line, lr the first output's window.
 * begin: at each line; step: two taps of it, of `bytes` bytes, so that the loop can be entered at any of its steps. */
#define LINE(begin, step, bytes)                   \
  "push {r4-r11, lr}\n"                            \
  "sub sp, sp, #64\n"                              \
  "mov r12, sp\n"                                  \
  "ldm r0!, {r1-r8}\n"                             \
  "stm r12!, {r1-r8}\n"                            \
  "ldm r0, {r1-r8}\n"                              \
  "rsbs r1, r1, #0\n"                              \
  "and r1, r1, #3\n"                               \
  "movs r0, #" bytes "\n"                          \
  "adr r9, 3f\n"                                   \
  "mla r1, r1, r0, r9\n"                           \
  "orr r1, r1, #1\n"                               \
  "stm r12, {r1-r8}\n"                             \
  "mov lr, r8\n"                                   \
  "1:\n"                                           \
  "mov r12, lr\n"                                  \
  "ldrd r1, r10, [sp, #40]\n"                      \
  "ldr r2, [sp, #52]\n"                            \
  "mov r3, r2\n mov r4, r2\n mov r5, r2\n"         \
  "2:\n"                                           \
  "mov r0, r12\n"                                  \
  "ldr r9, [sp, #36]\n" begin                      \
  "ldr pc, [sp, #32]\n"                            \
  ".p2align 2\n"                                   \
  "3:\n" step step step step                       \
  "subs r9, r9, #1\n"                              \
  "bne 3b\n"                                       \
  "ldr r9, [sp, #48]\n"                            \
  "add r12, r12, r9\n"                             \
  "subs r10, r10, #1\n"                            \
  "bne 2b\n"                                       \
  "ldm sp, {r6-r12}\n"                             \
  STORE("r5", "[r9, r12]")                         \
  STORE("r4", "[r9, r11]")                         \
  STORE("r3", "[r9, r10]")                         \
  STORE("r2", "[r9]")                              \
  "add r9, r9, r10, lsl #2\n"                      \
  "str r9, [sp, #12]\n"                            \
  "ldr r0, [sp, #28]\n"                            \
  "ldr r1, [sp, #56]\n"                            \
  "add lr, lr, r1, lsl #2\n"                       \
  "cmp lr, r0\n"                                   \
  "bne 1b\n"                                       \
  "add sp, sp, #64\n"                              \
  "pop {r4-r11, pc}\n"

/* Windows side by side. Outputs 0 and 2, and 1 and 3, read words that the next two taps of the others read too: three
 * loads serve eight products. Words of a line begin at every other address that int16 have: the cores load them. */
NAKED static void neighbours(const job *work) {
  __asm volatile(LINE(
      "ldr r6, [r0]\n"
      "ldr r7, [r0, #2]\n",
      "ldr.w r8, [r1], #4\n"
      "smlad r2, r6, r8, r2\n"
      "smlad r3, r7, r8, r3\n"
      "ldr.w r6, [r0, #4]!\n"
      "ldr.w r7, [r0, #2]\n"
      "smlad r4, r6, r8, r4\n"
      "smlad r5, r7, r8, r5\n",
      "28"));
}

/* Windows further from each other. */
NAKED static void apart(const job *work) {
  __asm volatile(LINE(
      "ldr r6, [sp, #56]\n"
      "add r7, r6, r6, lsl #1\n",
      "ldr.w r8, [r1], #4\n"
      "ldr.w r11, [r0, r6]\n"
      "smlad r3, r11, r8, r3\n"
      "ldr.w r11, [r0, r6, lsl #1]\n"
      "smlad r4, r11, r8, r4\n"
      "ldr.w r11, [r0, r7]\n"
      "smlad r5, r11, r8, r5\n"
      "ldr.w r11, [r0], #4\n"
      "smlad r2, r11, r8, r2\n",
      "36"));
}

/* Values of one channel, `from` bytes from each other. */
static inline int16_t *widen_line(const int8_t *value, int32_t from, int32_t count, int16_t *to) {
  const int32_t twice = 2 * from, thrice = 3 * from;
  for (; count >= 4; count -= 4, value += 4 * from, to += 4) {
    to[0] = value[0], to[1] = value[from], to[2] = value[twice], to[3] = value[thrice];
  }
  for (; count > 0; count--, value += from) *to++ = *value;
  return to;
}

/* A channel's values with their padding, a line across after the other. */
static void widen(const engine_dsp_depthwise_layer *layer, const int8_t *in, int16_t *lines) {
  const engine_dsp_direction *along = &layer->along, *across = &layer->across;
  const int32_t used = (across->output - 1) * across->stride + across->taps;
  const int32_t room = layer->seen - along->padding, inside = room < along->input ? room : along->input;
  for (int32_t a = 0; a < used; a++) {
    int16_t *const end = lines + layer->seen;
    const int32_t line = a - across->padding;
    if (line >= 0 && line < across->input) {
      for (int32_t b = 0; b < along->padding; b++) *lines++ = (int16_t)layer->input_zero;
      lines = widen_line(in + line * across->input_apart, along->input_apart, inside, lines);
    }
    while (lines < end) *lines++ = (int16_t)layer->input_zero;
  }
}

/* Two taps of a line beside each other; one more of zero where they are odd in number. */
static void spread_weights(const engine_dsp_depthwise_layer *layer, const int8_t *weights, int16_t *to) {
  const int32_t taps = layer->along.taps;
  for (int32_t j = 0; j < layer->across.taps; j++, weights += taps) {
    to = widen_line(weights, 1, taps, to);
    if (taps & 1) *to++ = 0;
  }
}

static void set_places(job *work, int32_t apart, int32_t count) {
  for (int32_t n = 0; n < 3; n++) work->apart[n] = apart * (n + 1 < count ? n + 1 : count - 1);
}

static void one_channel(const engine_dsp_depthwise_layer *layer, job *work, const int16_t *lines, int8_t *out) {
  const engine_dsp_direction *along = &layer->along, *across = &layer->across;
  void (*const run)(const job *) = along->stride == 1 ? neighbours : apart;
  const int32_t whole = along->output & ~3, more = along->output & 3;
  for (int32_t a = 0; a < across->output; a++) {
    work->out = out;
    work->values = lines;
    work->end = lines + whole * along->stride;
    if (whole > 0) run(work);
    if (more > 0) {
      work->out = out + whole * along->output_apart;
      work->values = work->end;
      work->end += 4 * along->stride;
      set_places(work, along->output_apart, more);
      run(work);
      set_places(work, along->output_apart, 4);
    }
    lines += across->stride * layer->seen;
    out += across->output_apart;
  }
}

void engine_dsp_depthwise(const engine_dsp_depthwise_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const engine_dsp_direction *along = &layer->along, *across = &layer->across;
  const int32_t lines = (across->output - 1) * across->stride + across->taps, taps = along->taps * across->taps;
  int16_t *const values = scratch, *const weights = values + lines * layer->seen;
  job work = {.zero = layer->output_zero,
              .entry = (along->taps + 1) / 2,
              .turns = (along->taps + 7) / 8,
              .weights = weights,
              .lines = across->taps,
              .next_line = 2 * layer->seen,
              .stride = 2 * along->stride};
  set_places(&work, along->output_apart, 4);
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    const int8_t *packed = layer->weights;
    const engine_dsp_channel *how = layer->requantization;
    for (int32_t channel = 0; channel < layer->channels; channel++) {
      widen(layer, in + channel, values);
      for (int32_t m = 0; m < layer->multiplier; m++, packed += taps, how++) {
        spread_weights(layer, packed, weights);
        work.multiplier = how->multiplier;
        work.shift = (uint32_t)how->start & 31;
        work.bias = how->start >> 5;
        one_channel(layer, &work, values, out + channel * layer->multiplier + m);
      }
    }
    in += along->input * across->input * layer->channels;
    out += along->output * across->output * layer->channels * layer->multiplier;
  }
}
