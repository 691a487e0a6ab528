/* FullyConnected of tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
#include "fully_connected_s16.h"

void engine_fully_connected_s16(const engine_fully_connected_s16_layer *layer, const int16_t *in, int16_t *out) {
  for (int32_t row = 0; row < layer->rows; row++, in += layer->inputs) {
    const int8_t *weights = layer->weights;
    for (int32_t c = 0; c < layer->outputs; c++, weights += layer->inputs) {
      const engine_channel *channel = &layer->channels[c];
      int64_t sum = layer->bias[c];
      for (int32_t k = 0; k < layer->inputs; k++) sum += weights[k] * in[k];
      const int32_t value = engine_requantize_s16(sum, layer->wide, channel);
      *out++ = (int16_t)engine_clamp(value, layer->low, layer->high);
    }
  }
}
