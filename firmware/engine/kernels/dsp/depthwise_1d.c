/* One channel after the other: its values are widened to int16, four outputs are computed at a time. A dilated window
 * reads every second value (or third, ...) alone: a line is then two lines (or three, ...) without dilation. */
#include "depthwise_1d.h"

#include <stddef.h>

/* All channels of a line. The assembly reads the members by their places; those of a channel it fills in itself. */
typedef struct {
  uint32_t multiplier, shift; /* the channel's */
  int32_t zero;
  int8_t *four;     /* the next four outputs */
  int32_t apart[3]; /* bytes from the first of four outputs to the others; what there is none of has the place of the
                       last, and is written before it */
  int32_t bias;     /* the channel's */
  const engine_dsp_channel *channel;
  const int16_t *weights;
  const int8_t *in;
  int8_t *out;
  int32_t entry;         /* where the unrolled taps are entered */
  int32_t channels;
  int32_t input;         /* how many values */
  int32_t input_apart;   /* bytes from one to the next */
  int16_t *inside;       /* where they go: behind the padding */
  const int16_t *values; /* where the windows of the first four outputs begin */
  const int16_t *last;   /* and of the last four, which may have been among others before */
  int32_t last_out;      /* bytes from the first output to those */
  int32_t pairs_bytes;   /* of a channel's weights */
} job;
_Static_assert(offsetof(job, pairs_bytes) == 80, "the assembly reads these members by their places");

#define NAKED __attribute__((naked, noinline))
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 */

/* Two taps of four outputs, 28 bytes. Outputs 0 and 2, and 1 and 3, read words that the next two taps of the others
 * read too: three loads serve eight products. Words begin at any address of an int16: the cores load them. */
#define TAPS                   \
  "ldr.w r8, [r1], #4\n"       \
  "smlad r2, r6, r8, r2\n"     \
  "smlad r3, r7, r8, r3\n"     \
  "ldr.w r6, [r0, #4]!\n"      \
  "ldr.w r7, [r0, #2]\n"       \
  "smlad r4, r6, r8, r4\n"     \
  "smlad r5, r7, r8, r5\n"

/* A sum to an int8 and into memory: requantize.h. */
#define STORE(sum, place)                     \
  "smmlar " sum ", " sum ", r6, " sum "\n"    \
  "add " sum ", " sum ", " sum ", asr #31\n"  \
  "asrs " sum ", " sum ", r7\n"               \
  "adc " sum ", " sum ", r8\n"                \
  "ssat " sum ", #8, " sum "\n"               \
  "strb " sum ", " place "\n"

NAKED static void all_channels(job *work) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "sub sp, sp, #84\n"
      "mov r12, sp\n"
      "ldm r0!, {r1-r8}\n"
      "stm r12!, {r1-r8}\n"
      "ldm r0!, {r1-r8}\n"
      "rsb r5, r5, #8\n" /* entry: pairs of taps */
      "movs r10, #28\n"
      "adr r11, 5f\n"
      "mla r5, r5, r10, r11\n"
      "orr r5, r5, #1\n"
      "stm r12!, {r1-r8}\n"
      "ldm r0, {r1-r5}\n"
      "stm r12, {r1-r5}\n"

      "1:\n" /* a channel: its values, four in a turn */
      "ldr r0, [sp, #40]\n"
      "ldr r1, [sp, #64]\n"
      "ldrd r2, r3, [sp, #56]\n"
      "add r4, r3, r3, lsl #1\n"
      "subs r2, r2, #4\n"
      "bmi 3f\n"
      "2:\n"
      "ldrsb r5, [r0]\n ldrsb r6, [r0, r3]\n ldrsb r7, [r0, r3, lsl #1]\n ldrsb r8, [r0, r4]\n"
      "strh r5, [r1], #8\n strh r6, [r1, #-6]\n strh r7, [r1, #-4]\n strh r8, [r1, #-2]\n"
      "add r0, r0, r3, lsl #2\n"
      "subs r2, r2, #4\n"
      "bpl 2b\n"
      "3:\n"
      "adds r2, r2, #4\n"
      "beq 4f\n"
      "ldrsb r5, [r0]\n"
      "strh r5, [r1], #2\n"
      "add r0, r0, r3\n"
      "subs r2, r2, #5\n"
      "b 3b\n"

      "4:\n" /* its bias, multiplier and shift */
      "ldr r0, [sp, #32]\n"
      "ldrd r1, r2, [r0], #8\n"
      "str r0, [sp, #32]\n"
      "and r3, r1, #31\n"
      "asr r1, r1, #5\n"
      "strd r2, r3, [sp]\n"
      "str r1, [sp, #28]\n"
      "ldr r9, [sp, #44]\n"
      "str r9, [sp, #12]\n"
      "ldr lr, [sp, #68]\n"

      "6:\n" /* four outputs; lr: their windows */
      "@ LLVM-MCA-BEGIN four outputs of a depthwise line\n"
      "ldrd r1, r2, [sp, #36]\n" /* weights */
      "ldr r2, [sp, #28]\n"
      "mov r0, lr\n"
      "mov r3, r2\n mov r4, r2\n mov r5, r2\n"
      "ldr r6, [r0]\n"
      "ldr r7, [r0, #2]\n"
      "ldr pc, [sp, #48]\n"
      ".p2align 2\n"
      "5:\n" TAPS TAPS TAPS TAPS TAPS TAPS TAPS TAPS
      "ldm sp, {r6-r12}\n"
      STORE("r5", "[r9, r12]")
      STORE("r4", "[r9, r11]")
      STORE("r3", "[r9, r10]")
      STORE("r2", "[r9]")
      "@ LLVM-MCA-END\n"
      "ldr r0, [sp, #72]\n"
      "cmp lr, r0\n"
      "beq 7f\n"
      "add r9, r9, r10, lsl #2\n"
      "adds lr, lr, #8\n"
      "cmp lr, r0\n"
      "bls 8f\n"
      "mov lr, r0\n"
      "ldr r9, [sp, #44]\n"
      "ldr r0, [sp, #76]\n"
      "add r9, r9, r0\n"
      "8:\n"
      "str r9, [sp, #12]\n"
      "b 6b\n"

      "7:\n" /* the next channel */
      "ldrd r2, r3, [sp, #40]\n"
      "adds r2, r2, #1\n"
      "adds r3, r3, #1\n"
      "strd r2, r3, [sp, #40]\n"
      "ldr r2, [sp, #36]\n"
      "ldr r3, [sp, #80]\n"
      "add r2, r2, r3\n"
      "str r2, [sp, #36]\n"
      "ldr r2, [sp, #52]\n"
      "subs r2, r2, #1\n"
      "str r2, [sp, #52]\n"
      "bne 1b\n"
      "add sp, sp, #84\n"
      "pop {r4-r11, pc}\n");
}

/* Outputs `phase`, phase + dilation, ... of a line. */
static void one_phase(const engine_dsp_depthwise_1d_layer *layer, const int8_t *in, int8_t *out, int16_t *values,
                      int32_t phase) {
  const int32_t dilation = layer->dilation, apart = dilation * layer->channels;
  const int32_t outputs = (layer->output - phase + dilation - 1) / dilation;
  const int32_t first = phase - layer->padding; /* the value under the first tap */
  const int32_t padding = first < 0 ? (-first + dilation - 1) / dilation : 0;
  const int32_t begin = first + padding * dilation;
  int32_t inputs = begin < layer->input ? (layer->input - begin + dilation - 1) / dilation : 0;
  if (inputs > layer->seen - padding) inputs = layer->seen - padding;
  for (int32_t k = 0; k < layer->seen; k++) values[k] = (int16_t)layer->input_zero;
  const int32_t last = outputs > 4 ? outputs - 4 : 0;
  job work = {
      .zero = layer->output_zero,
      .channel = layer->requantization,
      .weights = layer->weights,
      .in = in + begin * layer->channels,
      .out = out + phase * layer->channels,
      .entry = (layer->taps + 1) / 2,
      .channels = layer->channels,
      .input = inputs,
      .input_apart = apart,
      .inside = values + padding,
      .values = values,
      .last = values + last,
      .last_out = last * apart,
      .pairs_bytes = (layer->taps + 1) / 2 * 4,
  };
  for (int32_t n = 0; n < 3; n++) work.apart[n] = apart * (n + 1 < outputs ? n + 1 : outputs - 1);
  all_channels(&work);
}

void engine_dsp_depthwise_1d(const engine_dsp_depthwise_1d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t phase = 0; phase < layer->dilation && phase < layer->output; phase++) {
      one_phase(layer, in, out, scratch, phase);
    }
    in += layer->input * layer->channels;
    out += layer->output * layer->channels;
  }
}
