/* AffineQuantize of tensorflow/lite/kernels/internal/reference/quantize.h. */
#include "quantize.h"

/* The nearest integer, halves away from zero; what is beyond 16 bits is held there. (roundf is not in every libm.) */
static int32_t nearest(float value) {
  if (value >= 65536.0f) return 65536;
  if (!(value > -65536.0f)) return -65536;
  const int32_t whole = (int32_t)value;
  const float rest = value - (float)whole;
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

void engine_quantize(const engine_quantize_layer *layer, const float *in, void *out) {
  for (int32_t i = 0; i < layer->size; i++) {
    const int32_t value = engine_clamp(nearest(in[i] / layer->scale) + layer->output_zero, layer->low, layer->high);
    if (layer->output_wide) {
      ((int16_t *)out)[i] = (int16_t)value;
    } else {
      ((int8_t *)out)[i] = (int8_t)value;
    }
  }
}
