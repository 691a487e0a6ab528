/* DEQUANTIZE to real numbers. */
#ifndef ENGINE_DEQUANTIZE_H
#define ENGINE_DEQUANTIZE_H

#include "engine.h"

typedef struct {
  int32_t size;
  int32_t input_wide; /* 1: int16 */
  float scale;
  int32_t input_zero;
} engine_dequantize_layer;

void engine_dequantize(const engine_dequantize_layer *layer, const void *in, float *out);

#endif
