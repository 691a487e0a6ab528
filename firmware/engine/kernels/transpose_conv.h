/* TRANSPOSE_CONV of int8: each input pixel spreads a window of weights over the output. */
#ifndef ENGINE_TRANSPOSE_CONV_H
#define ENGINE_TRANSPOSE_CONV_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window; /* as it moves over the output */
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;          /* output channel, row, column, input channel */
  const engine_channel *channels; /* one an output channel; bias as in the model */
} engine_transpose_conv_layer;

void engine_transpose_conv(const engine_transpose_conv_layer *layer, const int8_t *in, int8_t *out);

#endif
