/* MAX_POOL_2D of int8 for cores with Helium. */
#ifndef ENGINE_HELIUM_MAX_POOL_2D_H
#define ENGINE_HELIUM_MAX_POOL_2D_H

#include "engine.h"

/* Every window has a value of the image. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t low, high;
} engine_helium_max_pool_2d_layer;

void engine_helium_max_pool_2d(const engine_helium_max_pool_2d_layer *layer, const int8_t *in, int8_t *out);

#endif
