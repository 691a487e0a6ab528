/* FULLY_CONNECTED of int8 with weights of 4 bits, two a byte: a matrix. */
#ifndef ENGINE_FULLY_CONNECTED_S4_H
#define ENGINE_FULLY_CONNECTED_S4_H

#include "engine.h"

typedef struct {
  int32_t rows, inputs, outputs;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;          /* the lower half first: output, input */
  const engine_channel *channels; /* one an output; bias as in the model */
} engine_fully_connected_s4_layer;

void engine_fully_connected_s4(const engine_fully_connected_s4_layer *layer, const int8_t *in, int8_t *out);

#endif
