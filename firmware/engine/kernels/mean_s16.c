/* QuantizedMeanOrSum of tensorflow/lite/kernels/internal/reference/reduce.h. */
#include "mean_s16.h"

static int32_t total(const engine_mean_s16_layer *layer, const int16_t *in) {
  int32_t sum = 0;
  for (int32_t i = 0; i < layer->reduced[0]; i++) {
    for (int32_t j = 0; j < layer->reduced[1]; j++) {
      const int16_t *p = in + i * layer->reduced_step[0] + j * layer->reduced_step[1];
      for (int32_t k = 0; k < layer->reduced[2]; k++, p += layer->reduced_step[2]) sum += *p;
    }
  }
  return sum;
}

void engine_mean_s16(const engine_mean_s16_layer *layer, const int16_t *in, int16_t *out) {
  for (int32_t i = 0; i < layer->kept[0]; i++) {
    for (int32_t j = 0; j < layer->kept[1]; j++) {
      const int16_t *p = in + i * layer->kept_step[0] + j * layer->kept_step[1];
      for (int32_t k = 0; k < layer->kept[2]; k++, p += layer->kept_step[2]) {
        const int32_t sum = total(layer, p) - layer->zeros;
        const int32_t value = engine_requantize(sum, layer->multiplier, layer->shift) + layer->output_zero;
        *out++ = (int16_t)engine_clamp(value, INT16_MIN, INT16_MAX);
      }
    }
  }
}
