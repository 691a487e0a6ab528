/* One int8 from another by a table: RELU, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH, QUANTIZE. */
#ifndef ENGINE_LOOKUP_H
#define ENGINE_LOOKUP_H

#include "engine.h"

typedef struct {
  int32_t size;
  const int8_t *table; /* what -128 becomes, then -127, ... */
} engine_lookup_layer;

/* out may be in. */
void engine_lookup(const engine_lookup_layer *layer, const int8_t *in, int8_t *out);

#endif
