/* QUANTIZE of real numbers. */
#ifndef ENGINE_QUANTIZE_H
#define ENGINE_QUANTIZE_H

#include "engine.h"

typedef struct {
  int32_t size;
  int32_t output_wide; /* 1: int16 */
  float scale;
  int32_t output_zero, low, high;
} engine_quantize_layer;

void engine_quantize(const engine_quantize_layer *layer, const float *in, void *out);

#endif
