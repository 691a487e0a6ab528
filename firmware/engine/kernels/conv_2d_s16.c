/* ConvPerChannel of tensorflow/lite/kernels/internal/reference/integer_ops/conv.h. */
#include "conv_2d_s16.h"

/* The sum of products under one window; what lies outside the image counts nothing. */
static int64_t window_sum(const engine_conv_2d_s16_layer *layer, const int16_t *in, int32_t top, int32_t left,
                          const int8_t *weights) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth / layer->groups;
  int64_t sum = 0;
  for (int32_t j = 0; j < window->height; j++) {
    const int32_t y = top + j * window->dilation_y;
    for (int32_t i = 0; i < window->width; i++, weights += depth) {
      const int32_t x = left + i * window->dilation_x;
      if (y < 0 || y >= image->height || x < 0 || x >= image->width) continue;
      const int16_t *pixel = in + (y * image->width + x) * image->depth;
      for (int32_t k = 0; k < depth; k++) sum += weights[k] * pixel[k];
    }
  }
  return sum;
}

void engine_conv_2d_s16(const engine_conv_2d_s16_layer *layer, const int16_t *in, int16_t *out) {
  const engine_window *window = &layer->window;
  const int32_t depth = layer->input.depth / layer->groups;
  const int32_t a_group = layer->output.depth / layer->groups;
  const int32_t taps = window->height * window->width * depth;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        const int32_t top = y * window->stride_y - window->top, left = x * window->stride_x - window->left;
        for (int32_t c = 0; c < layer->output.depth; c++) {
          const engine_channel *channel = &layer->channels[c];
          const int16_t *first = in + c / a_group * depth; /* of the group's channels */
          const int64_t sum = layer->bias[c] + window_sum(layer, first, top, left, layer->weights + c * taps);
          const int32_t value = engine_requantize_s16(sum, layer->wide, channel);
          *out++ = (int16_t)engine_clamp(value, layer->low, layer->high);
        }
      }
    }
    in += layer->input.height * layer->input.width * layer->input.depth;
  }
}
