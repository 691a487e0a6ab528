/* One channel after the other, in strips of ten columns of it: eight new ones and two that the strip before ended with.
 * A strip is widened to int16 and lies in memory with its rows side by side, so that all addresses in the inner loop
 * are constant, pairs of columns are words, and the output may be written over the input: what the next strip needs
 * of this one's columns it has already. */
#include "depthwise_3x3.h"

#include <stddef.h>
#include <string.h>

#define COLUMNS 10 /* of a strip */
#define NEW 8      /* of them, but for the first strip */

/* What a strip's outputs need. The assembly reads the members by their places. */
typedef struct {
  uint32_t multiplier, shift;
  int32_t zero;
  int32_t right, below; /* bytes from an output to its neighbours; below is 0 where there is none: what is written
                           there is lost */
  int8_t *out;
  uint32_t weights[6];
  int32_t bias;
  const int16_t *end, *begin; /* of the strip's rows, in the columns under the first outputs */
  int8_t *top;                /* the first of the outputs */
  int32_t pairs, odd;         /* columns of outputs: two by two, and whether one more */
} job;
_Static_assert(offsetof(job, odd) == 68, "the assembly reads these members by their places");

#define NAKED __attribute__((naked, noinline))
#pragma GCC diagnostic ignored "-Wunused-parameter" /* the assembly has them in r0 */

/* A row of weights in two words, (w0, w1) and (w1, w2), times the columns (x0, x1), (x2, x3) in r11 and r12. */
#define ROW(even, odd, w01, w12, from)                                                           \
  "smlad " even ", r11, " w01 ", " from(even) "\n smlatb " odd ", r11, " w01 ", " from(odd) "\n" \
  "smlabt " even ", r12, " w12 ", " even "\n smlad " odd ", r12, " w12 ", " odd "\n"
#define HALF_ROW(even, w01, w12, from) \
  "smlad " even ", r11, " w01 ", " from(even) "\n smlabt " even ", r12, " w12 ", " even "\n"
#define BIAS(sum) "lr"
#define SUM(sum) sum

/* A sum to an int8 and into memory: requantize.h. */
#define STORE(sum, place)                     \
  "smmlar " sum ", " sum ", r4, " sum "\n"    \
  "add " sum ", " sum ", " sum ", asr #31\n"  \
  "asrs " sum ", " sum ", r5\n"               \
  "adc " sum ", " sum ", r6\n"                \
  "ssat " sum ", #8, " sum "\n"               \
  "strb " sum ", " place "\n"

/* Multiplier, shift and the rest of the job take the weights' registers, and go again. What may be no more than lost is
 * written first. */
#define STORES(lower, upper)         \
  "ldm sp, {r4-r9}\n"                \
  "add r11, r9, r8\n"                \
  lower upper                        \
  "add r9, r9, r8, lsl #1\n"         \
  "str r9, [sp, #20]\n"              \
  "add r11, sp, #24\n"               \
  "ldm r11, {r4-r9}\n"               \
  "ldr lr, [sp, #52]\n"              \
  "cmp r0, lr\n"
#define FOUR STORES(STORE("r10", "[r11, r7]") STORE("r3", "[r11]"), STORE("r2", "[r9, r7]") STORE("r1", "[r9]"))
#define TWO STORES(STORE("r3", "[r11]"), STORE("r1", "[r9]"))

/* All columns of outputs: two by two, `block` for each two rows of them, then the odd one with `single`. step: bytes
 * from the windows of two outputs to the next two's. */
#define COLUMNS_OF_OUTPUTS(block, single, step) \
  "push {r4-r11, lr}\n"                        \
  "sub sp, sp, #72\n"                          \
  "mov r12, sp\n"                              \
  "ldm r0!, {r1-r9}\n"                         \
  "stm r12!, {r1-r9}\n"                        \
  "ldm r0, {r1-r9}\n"                          \
  "stm r12, {r1-r9}\n"                         \
  "mov r0, r6\n"                               \
  "movs r3, r8\n"                              \
  "add r11, sp, #24\n"                         \
  "ldm r11, {r4-r9}\n"                         \
  "beq 2f\n"                                   \
  "1:\n" block                                 \
  "bne 1b\n"                                   \
  "ldrd r0, r1, [sp, #56]\n"                   \
  "ldrd r2, r3, [sp, #64]\n"                   \
  "ldr r10, [sp, #12]\n"                       \
  "add lr, lr, #" step "\n"                    \
  "str lr, [sp, #52]\n"                        \
  "adds r0, r0, #" step "\n"                   \
  "add r1, r1, r10, lsl #1\n"                  \
  "subs r2, r2, #1\n"                          \
  "strd r0, r1, [sp, #56]\n"                   \
  "str r2, [sp, #64]\n"                        \
  "str r1, [sp, #20]\n"                        \
  "bne 1b\n"                                   \
  "2:\n"                                       \
  "ldr r3, [sp, #68]\n"                        \
  "cmp r3, #0\n beq 4f\n"                      \
  "3:\n" single                                \
  "bne 3b\n"                                   \
  "4:\n"                                       \
  "add sp, sp, #72\n"                          \
  "pop {r4-r11, pc}\n"

/* 62 instructions for four outputs, of which nine products take 7 of an output: a load of two words serves two rows.
 * r0 rows, r1 r2 and r3 r10 the sums, r4..r9 weights, lr bias. */
NAKED static void outputs_stride_1(const job *work) {
  __asm volatile(COLUMNS_OF_OUTPUTS(
      "@ LLVM-MCA-BEGIN four outputs of depthwise 3x3\n"
      "ldr lr, [sp, #48]\n"
      "ldrd r11, r12, [r0]\n"
      ROW("r1", "r2", "r4", "r5", BIAS)
      "ldrd r11, r12, [r0, #20]\n"
      ROW("r1", "r2", "r6", "r7", SUM)
      ROW("r3", "r10", "r4", "r5", BIAS)
      "ldrd r11, r12, [r0, #40]!\n"
      ROW("r1", "r2", "r8", "r9", SUM)
      ROW("r3", "r10", "r6", "r7", SUM)
      "ldrd r11, r12, [r0, #20]\n"
      ROW("r3", "r10", "r8", "r9", SUM)
      FOUR
      "@ LLVM-MCA-END\n",
      "ldr lr, [sp, #48]\n"
      "ldrd r11, r12, [r0]\n"
      HALF_ROW("r1", "r4", "r5", BIAS)
      "ldrd r11, r12, [r0, #20]\n"
      HALF_ROW("r1", "r6", "r7", SUM)
      HALF_ROW("r3", "r4", "r5", BIAS)
      "ldrd r11, r12, [r0, #40]!\n"
      HALF_ROW("r1", "r8", "r9", SUM)
      HALF_ROW("r3", "r6", "r7", SUM)
      "ldrd r11, r12, [r0, #20]\n"
      HALF_ROW("r3", "r8", "r9", SUM)
      TWO,
      "4"));
}

/* The columns (x0, x1), (x2, x3), (x4, x5) in r11, r12 and r9; w2 is half `b`ottom or `t`op of a word. */
#define ROW2(first, second, w01, w2, half, from)                                                        \
  "smlad " first ", r11, " w01 ", " from(first) "\n smlad " second ", r12, " w01 ", " from(second) "\n" \
  "smlab" half " " first ", r12, " w2 ", " first "\n smlab" half " " second ", r9, " w2 ", " second "\n"
#define HALF_ROW2(first, w01, w2, half, from) \
  "smlad " first ", r11, " w01 ", " from(first) "\n smlab" half " " first ", r12, " w2 ", " first "\n"

/* Windows two apart: 68 instructions for four outputs. */
NAKED static void outputs_stride_2(const job *work) {
  __asm volatile(COLUMNS_OF_OUTPUTS(
      "ldr lr, [sp, #48]\n"
      "ldrd r11, r12, [r0]\n ldr r9, [r0, #8]\n"
      ROW2("r1", "r2", "r4", "r7", "b", BIAS)
      "ldrd r11, r12, [r0, #20]\n ldr r9, [r0, #28]\n"
      ROW2("r1", "r2", "r5", "r7", "t", SUM)
      "ldrd r11, r12, [r0, #40]\n ldr r9, [r0, #48]\n"
      ROW2("r1", "r2", "r6", "r8", "b", SUM)
      ROW2("r3", "r10", "r4", "r7", "b", BIAS)
      "ldrd r11, r12, [r0, #60]\n ldr r9, [r0, #68]\n"
      ROW2("r3", "r10", "r5", "r7", "t", SUM)
      "ldrd r11, r12, [r0, #80]!\n ldr r9, [r0, #8]\n"
      ROW2("r3", "r10", "r6", "r8", "b", SUM)
      FOUR,
      "ldr lr, [sp, #48]\n"
      "ldrd r11, r12, [r0]\n"
      HALF_ROW2("r1", "r4", "r7", "b", BIAS)
      "ldrd r11, r12, [r0, #20]\n"
      HALF_ROW2("r1", "r5", "r7", "t", SUM)
      "ldrd r11, r12, [r0, #40]\n"
      HALF_ROW2("r1", "r6", "r8", "b", SUM)
      HALF_ROW2("r3", "r4", "r7", "b", BIAS)
      "ldrd r11, r12, [r0, #60]\n"
      HALF_ROW2("r3", "r5", "r7", "t", SUM)
      "ldrd r11, r12, [r0, #80]!\n"
      HALF_ROW2("r3", "r6", "r8", "b", SUM)
      TWO,
      "8"));
}

static inline uint32_t halves(int32_t low, int32_t high) { return (uint32_t)(low & 0xFFFF) | (uint32_t)high << 16; }

/* Nine weights as ROW has them, or ROW2. */
static inline void spread_weights(const int8_t *weights, int32_t stride, uint32_t *words) {
  const int32_t a = weights[0], b = weights[1], c = weights[2], d = weights[3], e = weights[4], f = weights[5];
  const int32_t g = weights[6], h = weights[7], i = weights[8];
  words[0] = halves(a, b);
  if (stride == 1) {
    words[1] = halves(b, c), words[2] = halves(d, e), words[3] = halves(e, f), words[4] = halves(g, h);
    words[5] = halves(h, i);
  } else {
    words[1] = halves(d, e), words[2] = halves(g, h), words[3] = halves(c, f), words[4] = halves(i, 0);
  }
}

/* Widen `count` neighbouring values, 1 to 10, of one channel in each of `rows` rows: 2 instructions a value and 5 a
 * row. Nine registers hold the distances, since no load adds a register to its address and moves it too; the loop is
 * entered in each row where the count asks for. r0 from, r1 to, r2 row, r3 rows. */
typedef struct {
  const int8_t *from;
  int16_t *to;
  int32_t row, rows, apart, count;
} values;
_Static_assert(offsetof(values, count) == 20, "the assembly reads these members by their places");

NAKED static void widen(const values *which) {
  __asm volatile(
      "push {r4-r11, lr}\n"
      "ldm r0, {r0-r5}\n"
      "adr r6, 2f\n"
      "sub r6, r6, r5, lsl #3\n"
      "orr r6, r6, #1\n"
      "push {r6}\n"
      "lsl r5, r4, #1\n"
      "add r6, r4, r5\n"
      "lsl r7, r4, #2\n"
      "add r8, r4, r7\n"
      "lsl r9, r6, #1\n"
      "add r10, r6, r7\n"
      "lsl r11, r4, #3\n"
      "add r12, r4, r11\n"
      "1:\n"
      "ldr pc, [sp]\n"
      ".p2align 2\n"
      "ldrsb.w lr, [r0, r12]\n strh.w lr, [r1, #18]\n"
      "ldrsb.w lr, [r0, r11]\n strh.w lr, [r1, #16]\n"
      "ldrsb.w lr, [r0, r10]\n strh.w lr, [r1, #14]\n"
      "ldrsb.w lr, [r0, r9]\n strh.w lr, [r1, #12]\n"
      "ldrsb.w lr, [r0, r8]\n strh.w lr, [r1, #10]\n"
      "ldrsb.w lr, [r0, r7]\n strh.w lr, [r1, #8]\n"
      "ldrsb.w lr, [r0, r6]\n strh.w lr, [r1, #6]\n"
      "ldrsb.w lr, [r0, r5]\n strh.w lr, [r1, #4]\n"
      "ldrsb.w lr, [r0, r4]\n strh.w lr, [r1, #2]\n"
      "ldrsb.w lr, [r0]\n strh.w lr, [r1]\n"
      "2:\n"
      "add r0, r0, r2\n"
      "adds r1, r1, #20\n"
      "subs r3, r3, #1\n"
      "bne 1b\n"
      "pop {r4}\n"
      "pop {r4-r11, pc}\n");
}

static void fill(int16_t *to, int32_t rows, int32_t count, int32_t value) {
  for (; rows > 0; rows--, to += COLUMNS) {
    for (int32_t i = 0; i < count; i++) to[i] = (int16_t)value;
  }
}

/* Where a strip's rows come from: `rows` of the image from `image` on, `above` rows of padding before them. whole: one
 * strip has all columns, so that padding once written stays. */
typedef struct {
  const int8_t *image;
  int32_t above, rows, whole;
} source;

/* Load `count` columns from `first` on, which is counted from the first column of padding. */
static void load(const engine_dsp_depthwise_3x3_layer *layer, const source *from, int32_t channel, int32_t first,
                 int32_t count, int16_t *strip) {
  const int32_t depth = layer->input.depth, width = layer->input.width;
  int32_t x = first - layer->left;
  int16_t *to = strip + from->above * COLUMNS;
  if (x < 0) {
    const int32_t padding = -x < count ? -x : count;
    if (!from->whole) fill(to, from->rows, padding, layer->input_zero);
    to += padding, count -= padding, x += padding;
  }
  const int32_t inside = width - x < count ? width - x : count;
  if (inside > 0 && from->rows > 0) {
    widen(&(values){from->image + x * depth + channel, to, width * depth, from->rows, depth, inside});
    to += inside, count -= inside;
  }
  if (!from->whole && count > 0) fill(to, from->rows, count, layer->input_zero);
}

/* Let the strip begin with the two columns that it ended with. */
static void carry(int16_t *strip, int32_t rows) {
  for (; rows > 0; rows--, strip += COLUMNS) memcpy(strip, strip + NEW, 4);
}

static void one_image(const engine_dsp_depthwise_3x3_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const int32_t depth = layer->input.depth, stride = layer->stride, width = layer->output.width;
  const int32_t outputs = layer->output.height;
  const int32_t top = -layer->top; /* the image's row under the first window */
  const int32_t seen = (outputs - 1) * stride + 3;
  const int32_t kept = seen + (outputs & 1) * stride;
  const int32_t above = top < 0 ? -top : 0;
  int32_t rows = layer->input.height - (top + above);
  if (rows > seen - above) rows = seen - above;
  const source from = {in + (top + above) * layer->input.width * depth, above, rows,
                       (width - 1) * stride + 3 <= COLUMNS};
  const int32_t a_strip = NEW / stride; /* outputs of one in a row */
  const int32_t row = width * depth;
  int16_t *const strip = scratch;
  void (*const run)(const job *) = stride == 1 ? outputs_stride_1 : outputs_stride_2;
  job work;
  work.zero = layer->output_zero;
  work.right = depth;
  fill(strip, kept, COLUMNS, layer->input_zero);
  for (int32_t channel = 0; channel < depth; channel++) {
    const engine_dsp_channel *const how = &layer->channels[channel];
    work.multiplier = how->multiplier;
    work.shift = (uint32_t)how->start & 31;
    work.bias = how->start >> 5;
    spread_weights(layer->weights + 9 * channel, stride, work.weights);
    for (int32_t x = 0; x < width; x += a_strip) {
      const int32_t left = width - x, here = left < a_strip ? left : a_strip;
      const int32_t columns = left > a_strip ? COLUMNS : (here - 1) * stride + 3;
      if (x == 0) {
        load(layer, &from, channel, 0, columns, strip);
      } else {
        carry(strip + above * COLUMNS, rows);
        load(layer, &from, channel, x * stride + COLUMNS - NEW, columns - (COLUMNS - NEW), strip + COLUMNS - NEW);
      }
      work.top = work.out = out + x * depth + channel;
      work.pairs = here / 2;
      work.odd = here & 1;
      work.below = row;
      work.begin = strip;
      work.end = strip + (outputs & ~1) * stride * COLUMNS;
      if (outputs > 1) run(&work);
      if (outputs & 1) {
        work.top = work.out = work.out + (outputs - 1) * row;
        work.below = 0;
        work.begin = work.end;
        work.end += 2 * stride * COLUMNS;
        run(&work);
      }
    }
  }
}

void engine_dsp_depthwise_3x3(const engine_dsp_depthwise_3x3_layer *layer, const int8_t *in, int8_t *out,
                              void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out, scratch);
    in += layer->input.height * layer->input.width * layer->input.depth;
    out += layer->output.height * layer->output.width * layer->output.depth;
  }
}
