/* FULLY_CONNECTED of int8 for cores with the DSP extension. */
#ifndef ENGINE_DSP_FULLY_CONNECTED_H
#define ENGINE_DSP_FULLY_CONNECTED_H

#include <stdint.h>

/* inputs: a multiple of four is thought, with weights of zero. Weights stand in groups of four outputs: four inputs of
 * output 0, of 1, of 2, of 3, the next four of output 0, ... The last group is filled up with zeros.
 * starts: four a group. Where each output has its own multiplier: (bias, the input's zero point folded in) << 5 | right
 * shift, and multipliers has four a group, twice TensorFlow Lite's (requantize.h). Where all have the same, multipliers
 * is NULL, starts are biases, and multiplier and shift are all outputs'. */
typedef struct {
  int32_t rows, inputs, outputs;
  int32_t output_zero;
  uint32_t multiplier;
  int32_t shift;
  const int8_t *weights;
  const int32_t *starts;
  const uint32_t *multipliers;
} engine_dsp_fully_connected_layer;

/* scratch: two bytes for each input, their number rounded up to four. */
void engine_dsp_fully_connected(const engine_dsp_fully_connected_layer *layer, const int8_t *in, int8_t *out,
                                void *scratch);

#endif
