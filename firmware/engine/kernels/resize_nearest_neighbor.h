/* RESIZE_NEAREST_NEIGHBOR: each pixel is one of the input's. */
#ifndef ENGINE_RESIZE_NEAREST_NEIGHBOR_H
#define ENGINE_RESIZE_NEAREST_NEIGHBOR_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t pixel_bytes;
  const int16_t *rows, *columns; /* which of the input's each of the output's takes */
} engine_resize_nearest_neighbor_layer;

void engine_resize_nearest_neighbor(const engine_resize_nearest_neighbor_layer *layer, const void *in, void *out);

#endif
