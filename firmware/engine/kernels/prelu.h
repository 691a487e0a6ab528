/* PRELU of int8. */
#ifndef ENGINE_PRELU_H
#define ENGINE_PRELU_H

#include "engine.h"

typedef struct {
  engine_broadcast shape; /* a: input, b: alpha */
  int32_t input_zero, alpha_zero, output_zero;
  int32_t positive_multiplier, positive_shift, negative_multiplier, negative_shift;
} engine_prelu_layer;

/* out may be in. */
void engine_prelu(const engine_prelu_layer *layer, const int8_t *in, const int8_t *alpha, int8_t *out);

#endif
