#include "conv_then_depthwise.h"

#include "kernels/bands.h"

static void one_image(const engine_scalar_conv_then_depthwise_layer *layer, const int8_t *in, int8_t *out,
                      int8_t *kept) {
  const engine_scalar_depthwise_layer *const second = &layer->second;
  void *const scratch = kept + layer->kept;
  const engine_window *const window = &second->window;
  engine_bands now = {.rows = layer->rows, .outputs = second->output.height, .stride = window->stride_y,
                      .reach = (window->height - 1) * window->dilation_y + 1, .top = window->top,
                      .height = second->input.height, .row = second->input.width * second->input.depth, .kept = kept};
  const int32_t row = second->output.width * second->output.depth;
  for (int32_t rows; (rows = engine_next_band(&now)) > 0; out += rows * row) {
    if (now.computed < now.end) {
      engine_scalar_conv_2d_rows(&layer->first, in, engine_band_place(&now), scratch, now.computed, now.end);
      now.computed = now.end;
    }
    engine_scalar_depthwise_layer band = *second; /* as an image of its own */
    band.input.height = now.computed - now.begin;
    band.window.top = now.above;
    engine_scalar_depthwise_rows(&band, kept, out, rows);
  }
}

void engine_scalar_conv_then_depthwise(const engine_scalar_conv_then_depthwise_layer *layer, const int8_t *in,
                                       int8_t *out, void *scratch) {
  const engine_image *const source = &layer->first.input, *const target = &layer->second.output;
  for (int32_t batch = 0; batch < layer->second.batches; batch++) {
    one_image(layer, in, out, scratch);
    in += source->height * source->width * source->depth;
    out += target->height * target->width * target->depth;
  }
}
