/* One or two columns of values and two output channels at a time: products.h. */
#include "conv_2d.h"

#include <string.h>

#include "products.h"

/* Two columns share loads of weights where there are registers for them. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define COLUMNS 1
#else
#define COLUMNS 2
#endif

/* The values under one window, one after the other; the zero point where it reaches beyond the image. */
static void gather(const engine_scalar_conv_2d_layer *layer, const int8_t *in, int32_t top, int32_t left, int8_t *to) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth;
  const int32_t reach = left + (window->width - 1) * window->dilation_x;
  const int32_t whole = window->dilation_x == 1 && left >= 0 && reach < image->width;
  for (int32_t j = 0; j < window->height; j++) {
    const int32_t y = top + j * window->dilation_y, run = window->width * depth;
    const int8_t *row = in + y * image->width * depth;
    if (y < 0 || y >= image->height) {
      memset(to, layer->input_zero, (size_t)run);
      to += run;
    } else if (whole) {
      memcpy(to, row + left * depth, (size_t)run);
      to += run;
    } else {
      for (int32_t i = 0; i < window->width; i++, to += depth) {
        const int32_t x = left + i * window->dilation_x;
        if (x < 0 || x >= image->width) {
          memset(to, layer->input_zero, (size_t)depth);
        } else {
          memcpy(to, row + x * depth, (size_t)depth);
        }
      }
    }
  }
}

/* All channels of `count` columns, one or COLUMNS. */
static void multiply(const engine_scalar_conv_2d_layer *layer, const int8_t *columns, int32_t count, int8_t *out) {
  const int32_t channels = layer->output.depth, depth = layer->depth;
  const engine_scalar_range range = {layer->output_zero, layer->low, layer->high};
  for (int32_t c = 0; c < channels; c += ENGINE_SCALAR_TOGETHER) {
    const int32_t here = engine_min(ENGINE_SCALAR_TOGETHER, channels - c), pairs = (here + 1) / 2;
    const int8_t *const weights = layer->weights + c * depth;
    int32_t sums[COLUMNS * ENGINE_SCALAR_TOGETHER];
    if (count == 2) {
      engine_scalar_two_columns(columns, weights, depth, pairs, sums);
    } else {
      engine_scalar_one_column(columns, weights, depth, pairs, sums);
    }
    for (int32_t p = 0; p < count; p++) {
      engine_scalar_requantize(sums + p * 2 * pairs, layer->channels + c, here, &range, out + p * channels + c);
    }
  }
}

static void one_image(const engine_scalar_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const engine_window *window = &layer->window;
  int8_t *const columns = scratch;
  int32_t x = 0, y = 0;
  for (int32_t left = layer->output.height * layer->output.width; left > 0;) {
    const int32_t count = left < COLUMNS ? left : COLUMNS;
    for (int32_t p = 0; p < count; p++) {
      gather(layer, in, y * window->stride_y - window->top, x * window->stride_x - window->left,
             columns + p * layer->depth);
      if (++x == layer->output.width) x = 0, y++;
    }
    multiply(layer, columns, count, out);
    out += count * layer->output.depth;
    left -= count;
  }
}

void engine_scalar_conv_2d(const engine_scalar_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out, scratch);
    in += layer->input.height * layer->input.width * layer->input.depth;
    out += layer->output.height * layer->output.width * layer->output.depth;
  }
}
