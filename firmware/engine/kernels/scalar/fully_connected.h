/* FULLY_CONNECTED of int8 in plain C for cores without the DSP extension (Cortex-M0+, M3). */
#ifndef ENGINE_SCALAR_FULLY_CONNECTED_H
#define ENGINE_SCALAR_FULLY_CONNECTED_H

#include "engine.h"
#include "requantize.h"

/* weights: output, input; zeros of one more output where they are odd in number. */
typedef struct {
  int32_t rows, inputs, outputs;
  int32_t output_zero, low, high;
  const int8_t *weights;
  const engine_scalar_channel *channels;
} engine_scalar_fully_connected_layer;

void engine_scalar_fully_connected(const engine_scalar_fully_connected_layer *layer, const int8_t *in, int8_t *out);

#endif
