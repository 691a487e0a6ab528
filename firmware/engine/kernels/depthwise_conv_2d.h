/* DEPTHWISE_CONV_2D of int8: windows of weights for every input channel alone. */
#ifndef ENGINE_DEPTHWISE_CONV_2D_H
#define ENGINE_DEPTHWISE_CONV_2D_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t multiplier; /* outputs of each input channel, side by side */
  engine_window window;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;          /* row, column, output channel */
  const engine_channel *channels; /* one an output channel; bias as in the model */
} engine_depthwise_conv_2d_layer;

void engine_depthwise_conv_2d(const engine_depthwise_conv_2d_layer *layer, const int8_t *in, int8_t *out);

#endif
