/* DEPTHWISE_CONV_2D of int8 in plain C for cores without the DSP extension (Cortex-M0+, M3): any window. */
#ifndef ENGINE_SCALAR_DEPTHWISE_H
#define ENGINE_SCALAR_DEPTHWISE_H

#include "engine.h"
#include "requantize.h"

/* weights: of each output channel row after row. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t multiplier;
  engine_window window;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;
  const engine_scalar_channel *channels; /* biases as in the model: what lies outside of the image counts nothing */
} engine_scalar_depthwise_layer;

void engine_scalar_depthwise(const engine_scalar_depthwise_layer *layer, const int8_t *in, int8_t *out);

#endif
