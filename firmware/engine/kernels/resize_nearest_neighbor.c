#include "resize_nearest_neighbor.h"

#include <string.h>

void engine_resize_nearest_neighbor(const engine_resize_nearest_neighbor_layer *layer, const void *in, void *out) {
  const uint8_t *image = in;
  uint8_t *pixel = out;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      const uint8_t *row = image + layer->rows[y] * layer->input.width * layer->pixel_bytes;
      for (int32_t x = 0; x < layer->output.width; x++, pixel += layer->pixel_bytes) {
        memcpy(pixel, row + layer->columns[x] * layer->pixel_bytes, (size_t)layer->pixel_bytes);
      }
    }
    image += layer->input.height * layer->input.width * layer->pixel_bytes;
  }
}
