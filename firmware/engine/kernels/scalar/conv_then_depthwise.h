/* CONV_2D and the DEPTHWISE_CONV_2D that reads it, of int8, in plain C: what stands between
 * them is never whole, a few rows of it are kept. */
#ifndef ENGINE_SCALAR_CONV_THEN_DEPTHWISE_H
#define ENGINE_SCALAR_CONV_THEN_DEPTHWISE_H

#include "conv_2d.h"
#include "depthwise.h"

/* first, second: the layers as they are alone. rows: of the second's output, computed at one time. kept: bytes of the
 * rows of the first's output under the windows of those, a multiple of eight. */
typedef struct {
  engine_scalar_conv_2d_layer first;
  engine_scalar_depthwise_layer second;
  int32_t rows, kept;
} engine_scalar_conv_then_depthwise_layer;

/* scratch: the kept rows, and behind them the scratch memory of the first layer. */
void engine_scalar_conv_then_depthwise(const engine_scalar_conv_then_depthwise_layer *layer, const int8_t *in,
                                       int8_t *out, void *scratch);

#endif
