/* MEAN over the pixels of an image, for cores with Helium. */
#ifndef ENGINE_HELIUM_AVERAGE_H
#define ENGINE_HELIUM_AVERAGE_H

#include "engine.h"

/* pixels of each image, each of `depth` channels. zeros: zero points in a sum. The mean's division is in the
 * multiplier. */
typedef struct {
  int32_t batches, pixels, depth;
  int32_t zeros;
  int32_t output_zero, multiplier, shift;
} engine_helium_average_layer;

void engine_helium_average(const engine_helium_average_layer *layer, const int8_t *in, int8_t *out);

#endif
