/* CONV_2D of int8 with weights of 4 bits, two a byte: a window of weights for every output channel. */
#ifndef ENGINE_CONV_2D_S4_H
#define ENGINE_CONV_2D_S4_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t groups; /* 1 where every output channel sees all input channels */
  engine_window window;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;          /* the lower half first: output channel, row, column, input channel */
  const engine_channel *channels; /* one an output channel; bias as in the model */
} engine_conv_2d_s4_layer;

void engine_conv_2d_s4(const engine_conv_2d_s4_layer *layer, const int8_t *in, int8_t *out);

#endif
