/* FULLY_CONNECTED of int8 for cores with Helium. */
#ifndef ENGINE_HELIUM_FULLY_CONNECTED_H
#define ENGINE_HELIUM_FULLY_CONNECTED_H

#include "engine.h"

/* multiplier, shift: of all outputs, where they are requantized alike; else multiplier is 0. */
typedef struct {
  int32_t rows, inputs, outputs;
  int32_t output_zero, low, high;
  int32_t multiplier, shift;
  int32_t rightwards; /* whether all shifts are below 0 */
  const int8_t *weights;         /* output, input */
  const int32_t *requantization; /* of four outputs: their biases, multipliers, shifts; where they are alike their
                                    biases alone; zeros to a multiple of four */
} engine_helium_fully_connected_layer;

void engine_helium_fully_connected(const engine_helium_fully_connected_layer *layer, const int8_t *in, int8_t *out);

#endif
