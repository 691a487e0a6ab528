/* QUANTIZE between int8 and int16. */
#ifndef ENGINE_REQUANTIZE_H
#define ENGINE_REQUANTIZE_H

#include "engine.h"

typedef struct {
  int32_t size;
  int32_t input_wide, output_wide; /* 1: int16 */
  int32_t input_zero, output_zero, multiplier, shift, low, high;
} engine_requantize_values_layer;

/* out may be in where both are of one type. */
void engine_requantize_values(const engine_requantize_values_layer *layer, const void *in, void *out);

#endif
