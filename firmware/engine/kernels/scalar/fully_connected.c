/* Two outputs at a time: products.h. */
#include "fully_connected.h"

#include "products.h"

void engine_scalar_fully_connected(const engine_scalar_fully_connected_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t inputs = layer->inputs, outputs = layer->outputs;
  const engine_scalar_range range = {layer->output_zero, layer->low, layer->high};
  for (int32_t row = 0; row < layer->rows; row++, in += inputs, out += outputs) {
    for (int32_t n = 0; n < outputs; n += ENGINE_SCALAR_TOGETHER) {
      const int32_t here = engine_min(ENGINE_SCALAR_TOGETHER, outputs - n);
      int32_t sums[ENGINE_SCALAR_TOGETHER];
      engine_scalar_one_column(in, layer->weights + n * inputs, inputs, (here + 1) / 2, sums);
      engine_scalar_requantize(sums, layer->channels + n, here, &range, out + n);
    }
  }
}
