/* TransposeConv of tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h, turned round: for each
 * output pixel the input pixels are gathered that spread to it, and no memory for sums is needed. */
#include "transpose_conv.h"

static int32_t gathered(const engine_transpose_conv_layer *layer, const int8_t *in, int32_t y, int32_t x,
                        const int8_t *weights) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  int32_t sum = 0;
  for (int32_t j = 0; j < window->height; j++) {
    const int32_t from_y = y + window->top - j; /* stride_y times the row that spreads row j of its window here */
    for (int32_t i = 0; i < window->width; i++, weights += image->depth) {
      const int32_t from_x = x + window->left - i;
      if (from_y < 0 || from_y % window->stride_y || from_y / window->stride_y >= image->height) continue;
      if (from_x < 0 || from_x % window->stride_x || from_x / window->stride_x >= image->width) continue;
      const int8_t *pixel = in + (from_y / window->stride_y * image->width + from_x / window->stride_x) * image->depth;
      for (int32_t k = 0; k < image->depth; k++) sum += weights[k] * (pixel[k] - layer->input_zero);
    }
  }
  return sum;
}

void engine_transpose_conv(const engine_transpose_conv_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t taps = layer->window.height * layer->window.width * layer->input.depth;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      for (int32_t x = 0; x < layer->output.width; x++) {
        for (int32_t c = 0; c < layer->output.depth; c++) {
          const engine_channel *channel = &layer->channels[c];
          int32_t sum = channel->bias + gathered(layer, in, y, x, layer->weights + c * taps);
          sum = engine_requantize(sum, channel->multiplier, channel->shift) + layer->output_zero;
          *out++ = (int8_t)engine_clamp(sum, layer->low, layer->high);
        }
      }
    }
    in += layer->input.height * layer->input.width * layer->input.depth;
  }
}
