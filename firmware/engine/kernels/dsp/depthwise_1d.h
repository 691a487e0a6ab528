/* DEPTHWISE_CONV_2D of int8 over lines, images one value high or wide, for cores with the DSP extension. */
#ifndef ENGINE_DSP_DEPTHWISE_1D_H
#define ENGINE_DSP_DEPTHWISE_1D_H

#include "engine.h"
#include "requantize.h"

/* input, output: values of a line. At most 16 taps; stride 1. weights: of each channel its taps, and one of 0 where
 * they are odd in number. seen: values of a channel in the scratch memory, padding too: those under the windows of a
 * multiple of four outputs, of the longest line that dilation leaves, and one more; an even number. */
typedef struct {
  int32_t batches;
  int32_t channels;
  int32_t input, output, taps, dilation, padding;
  int32_t seen;
  int32_t input_zero, output_zero;
  const int16_t *weights;
  const engine_dsp_channel *requantization;
} engine_dsp_depthwise_1d_layer;

/* scratch: 2 * seen bytes. The output may be written over the input where it is no longer (of several images: as long)
 * and the padding is a multiple of the dilation. */
void engine_dsp_depthwise_1d(const engine_dsp_depthwise_1d_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
