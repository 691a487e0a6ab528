/* CONV_2D of int8 in plain C for cores without the DSP extension (Cortex-M0+, M3): any window, any channels. */
#ifndef ENGINE_SCALAR_CONV_2D_H
#define ENGINE_SCALAR_CONV_2D_H

#include "engine.h"
#include "requantize.h"

/* depth: values under a window. weights: output channel, row, column, input channel; zeros of one more channel where they
 * are odd in number. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t depth;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;
  const engine_scalar_channel *channels;
} engine_scalar_conv_2d_layer;

/* scratch: 2 * depth bytes. */
void engine_scalar_conv_2d(const engine_scalar_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
