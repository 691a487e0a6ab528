/* Which taps of a window lie in the image is found once a pixel, for all channels. */
#include "depthwise.h"

/* What of a window lies in the image: its first value, how many rows and columns, and which weight is the first. */
typedef struct {
  const int8_t *first;
  int32_t rows, columns, weight;
} part;

/* The first tap from `begin` on that lies in the image, and one behind the last. */
static void inside(int32_t begin, int32_t apart, int32_t taps, int32_t edge, int32_t *first, int32_t *end) {
  int32_t from = 0, to = taps;
  while (from < to && begin + from * apart < 0) from++;
  while (to > from && begin + (to - 1) * apart >= edge) to--;
  *first = from, *end = to;
}

static inline int32_t window_sum(const part *seen, const int8_t *value, const int8_t *weights, int32_t row,
                                 int32_t column, int32_t width, int32_t zero) {
  int32_t sum = 0;
  for (int32_t j = seen->rows; j > 0; j--, value += row, weights += width) {
    const int8_t *along = value, *weight = weights;
    for (const int8_t *const end = weights + seen->columns; weight != end; along += column) {
      sum += (*along - zero) * *weight++;
    }
  }
  return sum;
}

static void one_image(const engine_scalar_depthwise_layer *layer, const int8_t *in, int8_t *out) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth, taps = window->height * window->width;
  const int32_t row = window->dilation_y * image->width * depth, column = window->dilation_x * depth;
  for (int32_t y = 0; y < layer->output.height; y++) {
    const int32_t top = y * window->stride_y - window->top;
    int32_t first_row, end_row;
    inside(top, window->dilation_y, window->height, image->height, &first_row, &end_row);
    for (int32_t x = 0; x < layer->output.width; x++) {
      const int32_t left = x * window->stride_x - window->left;
      int32_t begin, end;
      inside(left, window->dilation_x, window->width, image->width, &begin, &end);
      part seen = {0, end_row - first_row, end - begin, first_row * window->width + begin};
      if (seen.rows <= 0 || seen.columns <= 0) seen.rows = 0, seen.columns = 0, seen.weight = 0;
      const int32_t pixel = (top + first_row * window->dilation_y) * image->width + left + begin * window->dilation_x;
      seen.first = in + (seen.rows > 0 ? pixel * depth : 0);
      const int8_t *weights = layer->weights + seen.weight;
      const engine_scalar_channel *channel = layer->channels;
      for (int32_t c = 0; c < depth; c++) {
        for (int32_t m = 0; m < layer->multiplier; m++, weights += taps, channel++) {
          const int32_t sum =
              channel->bias + window_sum(&seen, seen.first + c, weights, row, column, window->width, layer->input_zero);
          *out++ = (int8_t)engine_scalar_requantize(sum, channel, layer->output_zero, layer->low, layer->high);
        }
      }
    }
  }
}

void engine_scalar_depthwise(const engine_scalar_depthwise_layer *layer, const int8_t *in, int8_t *out) {
  const engine_image *const source = &layer->input, *const target = &layer->output;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out);
    in += source->height * source->width * source->depth;
    out += target->height * target->width * target->depth;
  }
}
