/* FULLY_CONNECTED of int16 with weights of int8: a matrix. */
#ifndef ENGINE_FULLY_CONNECTED_S16_H
#define ENGINE_FULLY_CONNECTED_S16_H

#include "engine.h"

typedef struct {
  int32_t rows, inputs, outputs;
  int32_t wide; /* 1: sums and biases of 64 bits */
  int32_t low, high;
  const int8_t *weights;          /* output, input */
  const int64_t *bias;
  const engine_channel *channels; /* one an output channel; their bias is not used */
} engine_fully_connected_s16_layer;

void engine_fully_connected_s16(const engine_fully_connected_s16_layer *layer, const int16_t *in, int16_t *out);

#endif
