/* Dequantize of tensorflow/lite/kernels/internal/reference/dequantize.h. The product is of double there and rounded
 * once; so is it here: the difference is exact in float. */
#include "dequantize.h"

void engine_dequantize(const engine_dequantize_layer *layer, const void *in, float *out) {
  for (int32_t i = 0; i < layer->size; i++) {
    const int32_t x = layer->input_wide ? ((const int16_t *)in)[i] : ((const int8_t *)in)[i];
    out[i] = layer->scale * (float)(x - layer->input_zero);
  }
}
