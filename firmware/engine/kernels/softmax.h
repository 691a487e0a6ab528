/* SOFTMAX of int8, along the last dimension. */
#ifndef ENGINE_SOFTMAX_H
#define ENGINE_SOFTMAX_H

#include "engine.h"

typedef struct {
  int32_t rows, depth;
  int32_t multiplier, shift; /* bring a difference of two inputs, times beta, to Q5.26 */
  int32_t smallest;          /* differences below count nothing */
} engine_softmax_layer;

void engine_softmax(const engine_softmax_layer *layer, const int8_t *in, int8_t *out);

#endif
