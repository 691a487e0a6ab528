/* DEPTHWISE_CONV_2D of int8 with windows of 3x3, stride 1 or 2, for cores with the DSP extension. */
#ifndef ENGINE_DSP_DEPTHWISE_3X3_H
#define ENGINE_DSP_DEPTHWISE_3X3_H

#include "engine.h"
#include "requantize.h"

/* weights: nine of each channel, row after row. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t stride, top, left;
  int32_t input_zero, output_zero;
  const int8_t *weights;
  const engine_dsp_channel *channels;
} engine_dsp_depthwise_3x3_layer;

/* scratch: 20 bytes for each row that the windows of one column of outputs see, padding too, those of an even number of
 * outputs. The output may be written over the input where the stride is 1 and both have one shape. */
void engine_dsp_depthwise_3x3(const engine_dsp_depthwise_3x3_layer *layer, const int8_t *in, int8_t *out,
                              void *scratch);

#endif
