/* TransposeConv of tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h, turned round: for each
 * output pixel the input pixels are gathered that spread to it, and no memory for sums is needed. */
#include "transpose_conv.h"

/* Row j of a window spreads a row of the input here if stride_y * that row = y + top - j: every stride_y-th does. */
static int32_t gathered(const engine_transpose_conv_layer *layer, const int8_t *in, int32_t y, int32_t x,
                        const int8_t *weights) {
  const engine_image *image = &layer->input;
  const engine_window *window = &layer->window;
  const int32_t depth = image->depth;
  int32_t sum = 0;
  int32_t from_y = (y + window->top) / window->stride_y;
  for (int32_t j = (y + window->top) % window->stride_y; j < window->height; j += window->stride_y, from_y--) {
    if (from_y < 0 || from_y >= image->height) continue;
    int32_t from_x = (x + window->left) / window->stride_x;
    for (int32_t i = (x + window->left) % window->stride_x; i < window->width; i += window->stride_x, from_x--) {
      if (from_x < 0 || from_x >= image->width) continue;
      const int8_t *pixel = in + (from_y * image->width + from_x) * depth;
      const int8_t *weight = weights + (j * window->width + i) * depth;
      for (int32_t k = depth; k > 0; k--) sum += *weight++ * (*pixel++ - layer->input_zero);
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
