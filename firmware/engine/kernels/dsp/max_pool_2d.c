/* MaxPool of tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h, four channels at a time. */
#include "max_pool_2d.h"

#include <arm_acle.h>
#include <string.h>

static inline uint32_t load(const int8_t *from) {
  uint32_t word;
  memcpy(&word, from, 4); /* the cores have loads from any address */
  return word;
}

/* The larger of four pairs of int8: the differences set the flags that SEL chooses by. */
static inline uint32_t largest(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b));
  return result;
}

typedef struct {
  const int8_t *first;
  int32_t rows, columns; /* of what of a window lies in the image */
} part;

static inline uint32_t four_channels(const part *seen, int32_t row, int32_t depth) {
  const int8_t *line = seen->first;
  uint32_t most = 0x80808080u;
  for (int32_t j = 0; j < seen->rows; j++, line += row) {
    const int8_t *value = line;
    for (int32_t i = 0; i < seen->columns; i++, value += depth) most = largest(most, load(value));
  }
  return most;
}

static void pixel(const part *seen, int32_t row, int32_t depth, int8_t *out) {
  part here = *seen;
  int32_t left = depth;
  for (; left >= 4; left -= 4, here.first += 4, out += 4) {
    uint32_t most;
    if (here.rows == 2 && here.columns == 2) {
      const int8_t *const below = here.first + row;
      most = largest(largest(load(here.first), load(here.first + depth)), largest(load(below), load(below + depth)));
    } else {
      most = four_channels(&here, row, depth);
    }
    memcpy(out, &most, 4);
  }
  for (; left > 0; left--, here.first++, out++) {
    int32_t most = INT8_MIN;
    for (int32_t j = 0; j < here.rows; j++) {
      for (int32_t i = 0; i < here.columns; i++) most = engine_max(most, here.first[j * row + i * depth]);
    }
    *out = (int8_t)most;
  }
}

void engine_dsp_max_pool_2d(const engine_dsp_max_pool_2d_layer *layer, const int8_t *in, int8_t *out) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth, row = image->width * depth;
  for (int32_t batch = 0; batch < layer->batches; batch++, in += image->height * row) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      const int32_t top = y * window->stride_y - window->top;
      const int32_t first_row = engine_max(top, 0);
      part seen = {.rows = engine_min(top + window->height, image->height) - first_row};
      for (int32_t x = 0; x < layer->output.width; x++, out += depth) {
        const int32_t left = x * window->stride_x - window->left;
        const int32_t first = engine_max(left, 0);
        seen.columns = engine_min(left + window->width, image->width) - first;
        seen.first = in + first_row * row + first * depth;
        pixel(&seen, row, depth, out);
      }
    }
  }
}
