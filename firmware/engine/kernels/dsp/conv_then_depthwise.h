/* CONV_2D and the DEPTHWISE_CONV_2D that reads it, of int8, for cores with the DSP extension: what stands between
 * them is never whole, a few rows of it are kept. */
#ifndef ENGINE_DSP_CONV_THEN_DEPTHWISE_H
#define ENGINE_DSP_CONV_THEN_DEPTHWISE_H

#include "conv_2d.h"
#include "depthwise_3x3.h"

/* first, second: the layers as they are alone. rows: of the second's output, computed at one time. kept: bytes of the
 * rows of the first's output under the windows of those, a multiple of eight. */
typedef struct {
  engine_dsp_conv_2d_layer first;
  engine_dsp_depthwise_3x3_layer second;
  int32_t rows, kept;
} engine_dsp_conv_then_depthwise_layer;

/* scratch: the kept rows, and behind them the scratch memory of either layer: of the second for `rows` rows. */
void engine_dsp_conv_then_depthwise(const engine_dsp_conv_then_depthwise_layer *layer, const int8_t *in,
                                    int8_t *out, void *scratch);

#endif
