/* MulElementwise of tensorflow/lite/kernels/internal/reference/integer_ops/mul.h. */
#include "mul.h"

static int8_t product(const engine_mul_layer *layer, int32_t a, int32_t b) {
  const int32_t raw = (a - layer->a_zero) * (b - layer->b_zero);
  const int32_t value = engine_requantize(raw, layer->multiplier, layer->shift) + layer->output_zero;
  return (int8_t)engine_clamp(value, layer->low, layer->high);
}

void engine_mul(const engine_mul_layer *layer, const int8_t *a, const int8_t *b, int8_t *out) {
  const engine_broadcast *s = &layer->shape;
  for (int32_t i = 0; i < s->sizes[0]; i++) {
    for (int32_t j = 0; j < s->sizes[1]; j++) {
      for (int32_t k = 0; k < s->sizes[2]; k++) {
        const int8_t *p = a + i * s->a[0] + j * s->a[1] + k * s->a[2];
        const int8_t *q = b + i * s->b[0] + j * s->b[1] + k * s->b[2];
        for (int32_t l = 0; l < s->sizes[3]; l++, p += s->a[3], q += s->b[3]) *out++ = product(layer, *p, *q);
      }
    }
  }
}
