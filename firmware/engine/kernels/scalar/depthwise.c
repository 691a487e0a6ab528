/* Which taps of a window lie in the image is found once a pixel, for all channels. */
#include "depthwise.h"

#include "windows.h"

enum { TOGETHER = 8 }; /* channels whose sums are made before they are requantized */

/* The first tap from `begin` on that lies in the image, and one behind the last. */
static void inside(int32_t begin, int32_t apart, int32_t taps, int32_t edge, int32_t *first, int32_t *end) {
  int32_t from = 0, to = taps;
  while (from < to && begin + from * apart < 0) from++;
  while (to > from && begin + (to - 1) * apart >= edge) to--;
  *first = from, *end = to;
}

/* All channels of one pixel. */
static void one_pixel(const engine_scalar_depthwise_layer *layer, const engine_scalar_part *part, const int8_t *value,
                      const int8_t *weights, int8_t *out) {
  const int32_t taps = layer->window.height * layer->window.width;
  const int32_t alike = layer->multiplier > 1; /* several outputs read the same values */
  const int32_t turns = alike ? layer->input.depth : 1, channels = alike ? layer->multiplier : layer->input.depth;
  const engine_scalar_range range = {layer->output_zero, layer->low, layer->high};
  const engine_scalar_channel *channel = layer->channels;
  for (int32_t turn = 0; turn < turns; turn++, value++) {
    for (int32_t c = 0; c < channels; c += TOGETHER) {
      const int32_t count = engine_min(TOGETHER, channels - c);
      int32_t sums[TOGETHER] = {0};
      if (part->rows > 0) engine_scalar_window_sums(part, value + c * part->step, weights, count, sums);
      weights += count * taps;
      engine_scalar_requantize(sums, channel, count, &range, out);
      channel += count, out += count;
    }
  }
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
      const int32_t columns = end - begin, rows = columns > 0 ? (end_row - first_row) * window->width : 0;
      const engine_scalar_part part = {column, row - columns * column, window->width, columns, rows, taps - rows,
                                       layer->multiplier == 1, layer->input_zero};
      const int32_t pixel = (top + first_row * window->dilation_y) * image->width + left + begin * window->dilation_x;
      const int32_t first = rows > 0 ? pixel * depth : 0, weight = rows > 0 ? first_row * window->width + begin : 0;
      one_pixel(layer, &part, in + first, layer->weights + weight, out);
      out += depth * layer->multiplier;
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
