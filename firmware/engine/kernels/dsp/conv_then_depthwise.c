#include "conv_then_depthwise.h"

#include "kernels/bands.h"

static void one_image(const engine_dsp_conv_then_depthwise_layer *layer, const int8_t *in, int8_t *out,
                      int8_t *kept) {
  const engine_dsp_depthwise_3x3_layer *const second = &layer->second;
  void *const scratch = kept + layer->kept;
  engine_bands now = {.rows = layer->rows, .outputs = second->output.height, .stride = second->stride,
                      .reach = 3, .top = second->top, .height = second->input.height,
                      .row = second->input.width * second->input.depth, .kept = kept};
  const int32_t row = second->output.width * second->output.depth;
  for (int32_t rows; (rows = engine_next_band(&now)) > 0; out += rows * row) {
    if (now.computed < now.end) {
      engine_dsp_conv_2d_rows(&layer->first, in, engine_band_place(&now), scratch, now.computed, now.end);
      now.computed = now.end;
    }
    engine_dsp_depthwise_3x3_layer band = *second; /* as an image of its own */
    band.input.height = now.computed - now.begin;
    band.top = now.above;
    engine_dsp_depthwise_3x3_rows(&band, kept, out, scratch, rows);
  }
}

void engine_dsp_conv_then_depthwise(const engine_dsp_conv_then_depthwise_layer *layer, const int8_t *in,
                                    int8_t *out, void *scratch) {
  const engine_image *const source = &layer->first.input, *const target = &layer->second.output;
  for (int32_t batch = 0; batch < layer->second.batches; batch++) {
    one_image(layer, in, out, scratch);
    in += source->height * source->width * source->depth;
    out += target->height * target->width * target->depth;
  }
}
