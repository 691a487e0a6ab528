/* MaxPool of tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h. */
#include "max_pool_2d.h"

static int32_t largest(const engine_max_pool_2d_layer *layer, const int8_t *in, int32_t top, int32_t left) {
  const engine_image *image = &layer->input;
  int32_t found = INT8_MIN;
  for (int32_t y = engine_max(top, 0); y < engine_min(top + layer->window.height, image->height); y++) {
    for (int32_t x = engine_max(left, 0); x < engine_min(left + layer->window.width, image->width); x++) {
      found = engine_max(found, in[(y * image->width + x) * image->depth]);
    }
  }
  return found;
}

void engine_max_pool_2d(const engine_max_pool_2d_layer *layer, const int8_t *in, int8_t *out) {
  const engine_window *window = &layer->window;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        const int32_t top = y * window->stride_y - window->top, left = x * window->stride_x - window->left;
        for (int32_t c = 0; c < layer->output.depth; c++) {
          *out++ = (int8_t)engine_clamp(largest(layer, in + c, top, left), layer->low, layer->high);
        }
      }
    }
    in += layer->input.height * layer->input.width * layer->input.depth;
  }
}
