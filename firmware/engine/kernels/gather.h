/* Values that lie apart by fixed steps: TRANSPOSE and STRIDED_SLICE. */
#ifndef ENGINE_GATHER_H
#define ENGINE_GATHER_H

#include "engine.h"

typedef struct {
  int32_t bytes; /* of a value: 1, 2 or 4 */
  int32_t start;
  int32_t sizes[4], steps[4]; /* of the output; steps in values of the input, may be negative */
} engine_gather_layer;

void engine_gather(const engine_gather_layer *layer, const void *in, void *out);

#endif
