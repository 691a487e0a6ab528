/* AddElementwise of tensorflow/lite/kernels/internal/reference/add.h, SubElementwise of reference/sub.h. */
#include "add_s16.h"

#define LEFT_SHIFT 15 /* keeps the precision of what is scaled down */

static int32_t scaled(int32_t value, int32_t multiplier, int32_t shift) {
  return engine_requantize(engine_shift_left(value, LEFT_SHIFT), multiplier, shift);
}

static int16_t sum(const engine_add_s16_layer *layer, int32_t a, int32_t b) {
  const int32_t raw = scaled(a - layer->a_zero, layer->a_multiplier, layer->a_shift) +
                      layer->sign * scaled(b - layer->b_zero, layer->b_multiplier, layer->b_shift);
  const int32_t value = engine_requantize(raw, layer->multiplier, layer->shift) + layer->output_zero;
  return (int16_t)engine_clamp(value, layer->low, layer->high);
}

void engine_add_s16(const engine_add_s16_layer *layer, const int16_t *a, const int16_t *b, int16_t *out) {
  const engine_broadcast *s = &layer->shape;
  for (int32_t i = 0; i < s->sizes[0]; i++) {
    for (int32_t j = 0; j < s->sizes[1]; j++) {
      for (int32_t k = 0; k < s->sizes[2]; k++) {
        const int16_t *p = a + i * s->a[0] + j * s->a[1] + k * s->a[2];
        const int16_t *q = b + i * s->b[0] + j * s->b[1] + k * s->b[2];
        for (int32_t l = 0; l < s->sizes[3]; l++, p += s->a[3], q += s->b[3]) *out++ = sum(layer, *p, *q);
      }
    }
  }
}
