/* What of a pool's window lies in the image: found once a pixel, for all channels. */
#ifndef ENGINE_POOL_H
#define ENGINE_POOL_H

#include "engine.h"

/* first: its first value of channel 0, counted from the image's. row: values from one row of the image to the next. */
typedef struct {
  int32_t first, rows, columns, row, depth;
} engine_seen;

/* y, x: of the output. Every window has a value of the image. */
static inline engine_seen engine_see(const engine_image *image, const engine_window *window, int32_t y, int32_t x) {
  const int32_t top = y * window->stride_y - window->top, left = x * window->stride_x - window->left;
  const int32_t from_y = engine_max(top, 0), from_x = engine_max(left, 0);
  return (engine_seen){
      .first = (from_y * image->width + from_x) * image->depth,
      .rows = engine_min(top + window->height, image->height) - from_y,
      .columns = engine_min(left + window->width, image->width) - from_x,
      .row = image->width * image->depth,
      .depth = image->depth,
  };
}

#endif
