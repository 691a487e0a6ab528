/* RESIZE_BILINEAR of int8: each pixel is a mixture of four of the input's. */
#ifndef ENGINE_RESIZE_BILINEAR_H
#define ENGINE_RESIZE_BILINEAR_H

#include "engine.h"

typedef struct {
  int32_t batches;
  engine_image input, output;
  int32_t scale_y, scale_x; /* the input's pixels for one of the output's, in 1/1024 */
  int32_t half_pixel_centers;
} engine_resize_bilinear_layer;

void engine_resize_bilinear(const engine_resize_bilinear_layer *layer, const int8_t *in, int8_t *out);

#endif
