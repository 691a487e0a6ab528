/* CONV_2D of int16 with weights of int8: a window of weights for every output channel. */
#ifndef ENGINE_CONV_2D_S16_H
#define ENGINE_CONV_2D_S16_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t groups; /* 1 where every output channel sees all input channels */
  engine_window window;
  int32_t wide; /* 1: sums and biases of 64 bits */
  int32_t low, high;
  const int8_t *weights;          /* output channel, row, column, input channel */
  const int64_t *bias;
  const engine_channel *channels; /* one an output channel; their bias is not used */
} engine_conv_2d_s16_layer;

void engine_conv_2d_s16(const engine_conv_2d_s16_layer *layer, const int16_t *in, int16_t *out);

#endif
