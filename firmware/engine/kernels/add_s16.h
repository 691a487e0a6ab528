/* ADD and SUB of int16. */
#ifndef ENGINE_ADD_S16_H
#define ENGINE_ADD_S16_H

#include "engine.h"

typedef struct {
  engine_broadcast shape;
  int32_t a_zero, a_multiplier, a_shift; /* bring a to the common scale */
  int32_t b_zero, b_multiplier, b_shift;
  int32_t sign; /* -1 where b is subtracted */
  int32_t output_zero, multiplier, shift, low, high;
} engine_add_s16_layer;

/* out may be an input that is not repeated. */
void engine_add_s16(const engine_add_s16_layer *layer, const int16_t *a, const int16_t *b, int16_t *out);

#endif
