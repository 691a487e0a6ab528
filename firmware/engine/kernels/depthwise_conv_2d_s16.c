/* DepthwiseConvPerChannel of tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h. */
#include "depthwise_conv_2d_s16.h"

static int64_t window_sum(const engine_depthwise_conv_2d_s16_layer *layer, const int16_t *in, int32_t top, int32_t left,
                          const int8_t *weights) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  int64_t sum = 0;
  for (int32_t j = 0; j < window->height; j++) {
    const int32_t y = top + j * window->dilation_y;
    for (int32_t i = 0; i < window->width; i++, weights += layer->output.depth) {
      const int32_t x = left + i * window->dilation_x;
      if (y < 0 || y >= image->height || x < 0 || x >= image->width) continue;
      sum += *weights * in[(y * image->width + x) * image->depth];
    }
  }
  return sum;
}

void engine_depthwise_conv_2d_s16(const engine_depthwise_conv_2d_s16_layer *layer, const int16_t *in, int16_t *out) {
  const engine_window *window = &layer->window;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        const int32_t top = y * window->stride_y - window->top, left = x * window->stride_x - window->left;
        for (int32_t c = 0; c < layer->output.depth; c++) {
          const engine_channel *channel = &layer->channels[c];
          const int16_t *pixel = in + c / layer->multiplier;
          const int64_t sum = layer->bias[c] + window_sum(layer, pixel, top, left, layer->weights + c);
          const int32_t value = engine_requantize_s16(sum, layer->wide, channel);
          *out++ = (int16_t)engine_clamp(value, layer->low, layer->high);
        }
      }
    }
    in += layer->input.height * layer->input.width * layer->input.depth;
  }
}
