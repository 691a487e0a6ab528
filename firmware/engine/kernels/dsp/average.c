/* QuantizedMeanOrSum of tensorflow/lite/kernels/internal/reference/reduce.h, four channels at a time. */
#include "average.h"

#include <string.h>

/* Sums of 16 bits are emptied before they can overflow: 256 values of -128 are -32768. */
#define MOST 256

static void add_four(const int8_t *value, int32_t depth, int32_t count, int32_t *sums) {
  uint32_t even = 0, odd = 0; /* channels 0 and 2; 1 and 3 */
  for (; count > 0; count--, value += depth) {
    uint32_t word;
    memcpy(&word, value, 4);
    __asm("sxtab16 %0, %0, %2\n\tsxtab16 %1, %1, %2, ror #8" : "+r"(even), "+r"(odd) : "r"(word));
  }
  sums[0] += (int16_t)even;
  sums[1] += (int16_t)odd;
  sums[2] += (int16_t)(even >> 16);
  sums[3] += (int16_t)(odd >> 16);
}

static int8_t mean(const engine_dsp_average_layer *layer, int32_t sum) {
  const int32_t value = engine_requantize(sum - layer->zeros, layer->multiplier, layer->shift) + layer->output_zero;
  return (int8_t)engine_clamp(value, INT8_MIN, INT8_MAX);
}

void engine_dsp_average(const engine_dsp_average_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t depth = layer->depth;
  for (int32_t batch = 0; batch < layer->batches; batch++, in += layer->pixels * depth) {
    int32_t channel = 0;
    for (; channel + 4 <= depth; channel += 4) {
      int32_t sums[4] = {0, 0, 0, 0};
      for (int32_t first = 0; first < layer->pixels; first += MOST) {
        add_four(in + first * depth + channel, depth, engine_min(MOST, layer->pixels - first), sums);
      }
      for (int32_t n = 0; n < 4; n++) *out++ = mean(layer, sums[n]);
    }
    for (; channel < depth; channel++) {
      int32_t sum = 0;
      for (int32_t pixel = 0; pixel < layer->pixels; pixel++) sum += in[pixel * depth + channel];
      *out++ = mean(layer, sum);
    }
  }
}
