/* RESHAPE that could not be dropped: the same bytes elsewhere. */
#ifndef ENGINE_COPY_H
#define ENGINE_COPY_H

#include "engine.h"

typedef struct {
  int32_t bytes;
} engine_copy_layer;

void engine_copy(const engine_copy_layer *layer, const void *in, void *out);

#endif
