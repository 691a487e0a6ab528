/* AVERAGE_POOL_2D of int16: the mean of each window. */
#ifndef ENGINE_AVERAGE_POOL_2D_S16_H
#define ENGINE_AVERAGE_POOL_2D_S16_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t low, high;
} engine_average_pool_2d_s16_layer;

void engine_average_pool_2d_s16(const engine_average_pool_2d_s16_layer *layer, const int16_t *in, int16_t *out);

#endif
