/* MaxPool of tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h, sixteen channels at a time. */
#include "max_pool_2d.h"

#include <arm_mve.h>

#define CHANNELS 16

/* What of a window lies in the image. row: bytes from one row of the image to the next. */
typedef struct {
  const int8_t *first;
  int32_t rows, columns, row, depth;
} part;

/* The largest value of each of sixteen channels, from `channel` on, and `least` at least. */
static inline int8x16_t largest(const part *seen, int32_t channel, mve_pred16_t lanes, int8x16_t least) {
  const int8_t *line = seen->first + channel;
  for (int32_t j = seen->rows; j > 0; j--, line += seen->row) {
    const int8_t *value = line;
    for (int32_t i = seen->columns; i > 0; i--, value += seen->depth) {
      least = vmaxq_s8(least, vldrbq_z_s8(value, lanes));
    }
  }
  return least;
}

void engine_helium_max_pool_2d(const engine_helium_max_pool_2d_layer *layer, const int8_t *in, int8_t *out) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth, row = image->width * depth;
  const int8x16_t low = vdupq_n_s8((int8_t)layer->low), high = vdupq_n_s8((int8_t)layer->high);
  part seen = {.row = row, .depth = depth};
  for (int32_t batch = 0; batch < layer->batches; batch++, in += image->height * row) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      const int32_t top = y * window->stride_y - window->top, first_row = engine_max(top, 0);
      seen.rows = engine_min(top + window->height, image->height) - first_row;
      for (int32_t x = 0; x < layer->output.width; x++, out += depth) {
        const int32_t left = x * window->stride_x - window->left, first = engine_max(left, 0);
        seen.columns = engine_min(left + window->width, image->width) - first;
        seen.first = in + first_row * row + first * depth;
        for (int32_t channel = 0; channel < depth; channel += CHANNELS) {
          const mve_pred16_t lanes = vctp8q((uint32_t)(depth - channel));
          vstrbq_p_s8(out + channel, vminq_s8(largest(&seen, channel, lanes, low), high), lanes);
        }
      }
    }
  }
}
