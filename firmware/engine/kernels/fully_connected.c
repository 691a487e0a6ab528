/* FullyConnected of tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
#include "fully_connected.h"

void engine_fully_connected(const engine_fully_connected_layer *layer, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < layer->rows; row++, in += layer->inputs) {
    const int8_t *weights = layer->weights;
    for (int32_t c = 0; c < layer->outputs; c++, weights += layer->inputs) {
      const engine_channel *channel = &layer->channels[c];
      int32_t sum = channel->bias;
      for (int32_t k = 0; k < layer->inputs; k++) sum += weights[k] * (in[k] - layer->input_zero);
      sum = engine_requantize(sum, channel->multiplier, channel->shift) + layer->output_zero;
      *out++ = (int8_t)engine_clamp(sum, layer->low, layer->high);
    }
  }
}
