/* DEPTHWISE_CONV_2D of int8 for cores with Helium: any window, one output a channel. */
#ifndef ENGINE_HELIUM_DEPTHWISE_H
#define ENGINE_HELIUM_DEPTHWISE_H

#include "engine.h"

/* ring: how many rows are kept, of eight channels, with their padding; columns: of a kept row. Weights stand in groups of
 * eight channels: row, column, channel. requantization: of a group's channels 0, 2, 4, 6, then of 1, 3, 5, 7, their
 * biases, multipliers, shifts; the input's zero point is folded into biases. The last group is filled up with zeros. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t ring, columns;
  int32_t input_zero, output_zero, low, high;
  int32_t rightwards; /* whether all shifts are below 0 */
  const int8_t *weights;
  const int32_t *requantization;
} engine_helium_depthwise_layer;

/* scratch: a pointer for each of the window's rows, and ring * columns * 8 bytes. The output may be written over the
 * input if the window moves by one, its last row is never above its output, and a row of both takes the same bytes (or
 * there is but one); of several images, if both have one shape. */
void engine_helium_depthwise(const engine_helium_depthwise_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
