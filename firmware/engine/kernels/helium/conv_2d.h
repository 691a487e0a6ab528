/* CONV_2D of int8 for cores with Helium: any window, any channels. */
#ifndef ENGINE_HELIUM_CONV_2D_H
#define ENGINE_HELIUM_CONV_2D_H

#include "engine.h"

/* depth: values under a window. ring: how many rows of the image are kept with their padding, 0 where the window reads
 * the image itself: it has no padding then. row: bytes of a kept row, what windows read of it. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t depth, ring, row;
  int32_t input_zero, output_zero, low, high;
  const int8_t *weights;          /* output channel, row, column, input channel */
  const engine_channel *channels; /* the input's zero point is folded into biases */
} engine_helium_conv_2d_layer;

/* scratch: a pointer for each of the window's rows, the kept rows, and four columns of `depth` bytes. With kept rows, or
 * windows of one value, the output may be written over the input, if its rows take no more bytes and a window's last row
 * is never above its output. */
void engine_helium_conv_2d(const engine_helium_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
