/* Prelu of tensorflow/lite/kernels/internal/reference/prelu.h. */
#include "prelu.h"

static int8_t value_of(const engine_prelu_layer *layer, int32_t x, int32_t alpha) {
  x -= layer->input_zero;
  const int32_t value =
      x >= 0 ? engine_requantize(x, layer->positive_multiplier, layer->positive_shift)
             : engine_requantize(x * (alpha - layer->alpha_zero), layer->negative_multiplier, layer->negative_shift);
  return (int8_t)engine_clamp(value + layer->output_zero, INT8_MIN, INT8_MAX);
}

void engine_prelu(const engine_prelu_layer *layer, const int8_t *in, const int8_t *alpha, int8_t *out) {
  const engine_broadcast *s = &layer->shape;
  for (int32_t i = 0; i < s->sizes[0]; i++) {
    for (int32_t j = 0; j < s->sizes[1]; j++) {
      for (int32_t k = 0; k < s->sizes[2]; k++) {
        const int8_t *p = in + i * s->a[0] + j * s->a[1] + k * s->a[2];
        const int8_t *q = alpha + i * s->b[0] + j * s->b[1] + k * s->b[2];
        for (int32_t l = 0; l < s->sizes[3]; l++, p += s->a[3], q += s->b[3]) *out++ = value_of(layer, *p, *q);
      }
    }
  }
}
