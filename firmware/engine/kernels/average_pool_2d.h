/* AVERAGE_POOL_2D of int8: the mean of each window. */
#ifndef ENGINE_AVERAGE_POOL_2D_H
#define ENGINE_AVERAGE_POOL_2D_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t low, high;
} engine_average_pool_2d_layer;

void engine_average_pool_2d(const engine_average_pool_2d_layer *layer, const int8_t *in, int8_t *out);

#endif
