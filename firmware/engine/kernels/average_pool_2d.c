/* AveragePool of tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h. */
#include "average_pool_2d.h"

/* The mean of what of a window lies in the image, rounded to nearest, halves away from zero. */
static int32_t mean(const engine_average_pool_2d_layer *layer, const int8_t *in, int32_t top, int32_t left) {
  const engine_image *image = &layer->input;
  int32_t sum = 0, count = 0;
  for (int32_t y = engine_max(top, 0); y < engine_min(top + layer->window.height, image->height); y++) {
    for (int32_t x = engine_max(left, 0); x < engine_min(left + layer->window.width, image->width); x++) {
      sum += in[(y * image->width + x) * image->depth];
      count++;
    }
  }
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

void engine_average_pool_2d(const engine_average_pool_2d_layer *layer, const int8_t *in, int8_t *out) {
  const engine_window *window = &layer->window;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        const int32_t top = y * window->stride_y - window->top, left = x * window->stride_x - window->left;
        for (int32_t c = 0; c < layer->output.depth; c++) {
          *out++ = (int8_t)engine_clamp(mean(layer, in + c, top, left), layer->low, layer->high);
        }
      }
    }
    in += layer->input.height * layer->input.width * layer->input.depth;
  }
}
