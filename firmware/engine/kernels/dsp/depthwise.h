/* DEPTHWISE_CONV_2D of int8 without dilation for cores with the DSP extension: any window, any multiplier. */
#ifndef ENGINE_DSP_DEPTHWISE_H
#define ENGINE_DSP_DEPTHWISE_H

#include "engine.h"
#include "requantize.h"

/* One direction of the image and of the window: x or y. apart: bytes from a value to the next in this direction. */
typedef struct {
  int32_t input, output; /* how many values */
  int32_t taps, stride, padding;
  int32_t input_apart, output_apart;
} engine_dsp_direction;

/* Windows are read along one direction, two taps an instruction; where they are one tap wide, that is y, else x.
 * seen: values that the windows of one line of outputs see along it, those of a multiple of four outputs, and one more:
 * an even number. weights: of each output channel `across.taps` lines of `along.taps`. */
typedef struct {
  int32_t batches;
  int32_t channels, multiplier;
  engine_dsp_direction along, across;
  int32_t seen;
  int32_t input_zero, output_zero;
  const int8_t *weights;
  const engine_dsp_channel *requantization; /* one an output channel */
} engine_dsp_depthwise_layer;

/* scratch: 2 * seen bytes for each line across that the windows see; and 4 bytes for each two taps along, of each line
 * across. The output may be written over the input where multiplier and strides are 1 and both have one shape. */
void engine_dsp_depthwise(const engine_dsp_depthwise_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
