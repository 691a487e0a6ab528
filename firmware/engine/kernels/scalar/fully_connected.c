/* Two outputs at a time: products.h. */
#include "fully_connected.h"

#include "products.h"

void engine_scalar_fully_connected(const engine_scalar_fully_connected_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t inputs = layer->inputs, outputs = layer->outputs;
  for (int32_t row = 0; row < layer->rows; row++, in += inputs) {
    const int8_t *weights = layer->weights;
    for (int32_t n = 0; n < outputs; n += 2, weights += 2 * inputs) {
      const engine_scalar_channel *const first = &layer->channels[n], *const second = first + (n + 1 < outputs);
      int32_t sums[2] = {first->bias, second->bias};
      engine_scalar_one_by_two(in, weights, weights + inputs, inputs, sums);
      *out++ = (int8_t)engine_scalar_requantize(sums[0], first, layer->output_zero, layer->low, layer->high);
      if (n + 1 == outputs) break;
      *out++ = (int8_t)engine_scalar_requantize(sums[1], second, layer->output_zero, layer->low, layer->high);
    }
  }
}
