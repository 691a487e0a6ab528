/* DEPTHWISE_CONV_2D of int16 with weights of int8: windows of weights for every input channel alone. */
#ifndef ENGINE_DEPTHWISE_CONV_2D_S16_H
#define ENGINE_DEPTHWISE_CONV_2D_S16_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t multiplier; /* outputs of each input channel, side by side */
  engine_window window;
  int32_t wide; /* 1: sums and biases of 64 bits */
  int32_t low, high;
  const int8_t *weights;          /* row, column, output channel */
  const int64_t *bias;
  const engine_channel *channels; /* one an output channel; their bias is not used */
} engine_depthwise_conv_2d_s16_layer;

void engine_depthwise_conv_2d_s16(const engine_depthwise_conv_2d_s16_layer *layer, const int16_t *in, int16_t *out);

#endif
