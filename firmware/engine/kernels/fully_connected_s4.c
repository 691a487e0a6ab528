/* FullyConnected of tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h. */
#include "fully_connected_s4.h"

/* The weight at a place of the packed ones. */
static int32_t weight_at(const int8_t *weights, int32_t place) {
  const int32_t pair = weights[place >> 1];
  return place & 1 ? pair >> 4 : (int8_t)((uint32_t)pair << 4) >> 4;
}

void engine_fully_connected_s4(const engine_fully_connected_s4_layer *layer, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < layer->rows; row++, in += layer->inputs) {
    int32_t place = 0;
    for (int32_t c = 0; c < layer->outputs; c++, place += layer->inputs) {
      const engine_channel *channel = &layer->channels[c];
      int32_t sum = channel->bias;
      for (int32_t k = 0; k < layer->inputs; k++) {
        sum += weight_at(layer->weights, place + k) * (in[k] - layer->input_zero);
      }
      sum = engine_requantize(sum, channel->multiplier, channel->shift) + layer->output_zero;
      *out++ = (int8_t)engine_clamp(sum, layer->low, layer->high);
    }
  }
}
