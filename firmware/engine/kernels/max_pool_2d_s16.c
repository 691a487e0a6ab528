/* MaxPool of tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h. */
#include "max_pool_2d_s16.h"

#include "pool.h"

static int32_t largest(const engine_seen *seen, const int16_t *first) {
  int32_t found = INT16_MIN;
  for (int32_t y = seen->rows; y > 0; y--, first += seen->row) {
    const int16_t *value = first;
    for (int32_t x = seen->columns; x > 0; x--, value += seen->depth) found = engine_max(found, *value);
  }
  return found;
}

void engine_max_pool_2d_s16(const engine_max_pool_2d_s16_layer *layer, const int16_t *in, int16_t *out) {
  const engine_image *image = &layer->input;
  for (int32_t batch = 0; batch < layer->batches; batch++, in += image->height * image->width * image->depth) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        const engine_seen seen = engine_see(image, &layer->window, y, x);
        const int16_t *first = in + seen.first;
        for (int32_t c = image->depth; c > 0; c--) {
          *out++ = (int16_t)engine_clamp(largest(&seen, first++), layer->low, layer->high);
        }
      }
    }
  }
}
