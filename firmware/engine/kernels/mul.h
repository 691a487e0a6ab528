/* MUL of int8. */
#ifndef ENGINE_MUL_H
#define ENGINE_MUL_H

#include "engine.h"

typedef struct {
  engine_broadcast shape;
  int32_t a_zero, b_zero, output_zero, multiplier, shift, low, high;
} engine_mul_layer;

/* out may be an input that is not repeated. */
void engine_mul(const engine_mul_layer *layer, const int8_t *a, const int8_t *b, int8_t *out);

#endif
