/* ConvPerChannel of tensorflow/lite/kernels/internal/reference/integer_ops/conv.h. */
#include "conv_2d_s4.h"

/* The weight at a place of the packed ones. */
static int32_t weight_at(const int8_t *weights, int32_t place) {
  const int32_t pair = weights[place >> 1];
  return place & 1 ? pair >> 4 : (int8_t)((uint32_t)pair << 4) >> 4;
}

/* The sum of products under one window; what lies outside the image is its zero point, and counts nothing. */
static int32_t window_sum(const engine_conv_2d_s4_layer *layer, const int8_t *in, int32_t top, int32_t left,
                          int32_t place) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth / layer->groups;
  int32_t sum = 0;
  for (int32_t j = 0; j < window->height; j++) {
    const int32_t y = top + j * window->dilation_y;
    for (int32_t i = 0; i < window->width; i++, place += depth) {
      const int32_t x = left + i * window->dilation_x;
      if (y < 0 || y >= image->height || x < 0 || x >= image->width) continue;
      const int8_t *pixel = in + (y * image->width + x) * image->depth;
      for (int32_t k = 0; k < depth; k++) sum += weight_at(layer->weights, place + k) * (pixel[k] - layer->input_zero);
    }
  }
  return sum;
}

void engine_conv_2d_s4(const engine_conv_2d_s4_layer *layer, const int8_t *in, int8_t *out) {
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
          const int8_t *first = in + c / a_group * depth; /* of the group's channels */
          int32_t sum = channel->bias + window_sum(layer, first, top, left, c * taps);
          sum = engine_requantize(sum, channel->multiplier, channel->shift) + layer->output_zero;
          *out++ = (int8_t)engine_clamp(sum, layer->low, layer->high);
        }
      }
    }
    in += layer->input.height * layer->input.width * layer->input.depth;
  }
}
