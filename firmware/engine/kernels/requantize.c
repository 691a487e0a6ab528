/* Requantize of tensorflow/lite/kernels/internal/reference/requantize.h. */
#include "requantize.h"

void engine_requantize_values(const engine_requantize_values_layer *layer, const void *in, void *out) {
  for (int32_t i = 0; i < layer->size; i++) {
    const int32_t x = (layer->input_wide ? ((const int16_t *)in)[i] : ((const int8_t *)in)[i]) - layer->input_zero;
    int32_t value = engine_requantize(x, layer->multiplier, layer->shift) + layer->output_zero;
    value = engine_clamp(value, layer->low, layer->high);
    if (layer->output_wide) {
      ((int16_t *)out)[i] = (int16_t)value;
    } else {
      ((int8_t *)out)[i] = (int8_t)value;
    }
  }
}
