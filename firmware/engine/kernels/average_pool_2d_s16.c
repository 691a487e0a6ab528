/* AveragePool of tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h. */
#include "average_pool_2d_s16.h"

#include "pool.h"

/* The mean of what of a window lies in the image, rounded to nearest, halves away from zero. */
static int32_t mean(const engine_seen *seen, const int16_t *first) {
  int32_t sum = 0;
  for (int32_t y = seen->rows; y > 0; y--, first += seen->row) {
    const int16_t *value = first;
    for (int32_t x = seen->columns; x > 0; x--, value += seen->depth) sum += *value;
  }
  const int32_t count = seen->rows * seen->columns;
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

void engine_average_pool_2d_s16(const engine_average_pool_2d_s16_layer *layer, const int16_t *in, int16_t *out) {
  const engine_image *image = &layer->input;
  for (int32_t batch = 0; batch < layer->batches; batch++, in += image->height * image->width * image->depth) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        const engine_seen seen = engine_see(image, &layer->window, y, x);
        const int16_t *first = in + seen.first;
        for (int32_t c = image->depth; c > 0; c--) {
          *out++ = (int16_t)engine_clamp(mean(&seen, first++), layer->low, layer->high);
        }
      }
    }
  }
}
