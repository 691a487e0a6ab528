/* CONV_2D of int8: a window of weights for every output channel. */
#ifndef ENGINE_CONV_2D_H
#define ENGINE_CONV_2D_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t groups; /* 1 where every output channel sees all input channels */
  engine_window window;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;          /* output channel, row, column, input channel */
  const engine_channel *channels; /* one an output channel; bias as in the model */
} engine_conv_2d_layer;

void engine_conv_2d(const engine_conv_2d_layer *layer, const int8_t *in, int8_t *out);

#endif
