/* Bands of rows. Each begins with rows that the one before has computed: they are moved to the front, so that every row
 * is computed once. */
#include "conv_then_depthwise.h"

#include <string.h>

static void one_image(const engine_dsp_conv_then_depthwise_layer *layer, const int8_t *in, int8_t *out, int8_t *kept) {
  const engine_dsp_conv_2d_layer *const first = &layer->first;
  const engine_dsp_depthwise_3x3_layer *const second = &layer->second;
  void *const scratch = kept + layer->kept;
  const int32_t height = second->input.height, row = second->input.width * second->input.depth;
  int32_t begin = 0, computed = 0; /* the rows that are kept: begin to computed - 1 */
  for (int32_t y = 0; y < second->output.height; y += layer->rows) {
    const int32_t rows = engine_min(layer->rows, second->output.height - y);
    const int32_t top = y * second->stride - second->top; /* what the windows see: top to end - 1 */
    const int32_t end = engine_min(top + (rows - 1) * second->stride + 3, height);
    const int32_t from = engine_clamp(top, 0, height);
    if (from < computed) {
      memmove(kept, kept + (from - begin) * row, (size_t)((computed - from) * row));
    } else {
      computed = from;
    }
    begin = from;
    if (computed < end) {
      engine_dsp_conv_2d_rows(first, in, kept + (computed - begin) * row, scratch, computed, end);
      computed = end;
    }
    engine_dsp_depthwise_3x3_layer band = *second; /* as an image of its own */
    band.input.height = computed - begin;
    band.top = from - top;
    engine_dsp_depthwise_3x3_rows(&band, kept, out, scratch, 0, rows);
    out += rows * second->output.width * second->output.depth;
  }
}

void engine_dsp_conv_then_depthwise(const engine_dsp_conv_then_depthwise_layer *layer, const int8_t *in, int8_t *out,
                                    void *scratch) {
  const engine_image *const source = &layer->first.input, *const target = &layer->second.output;
  for (int32_t batch = 0; batch < layer->second.batches; batch++) {
    one_image(layer, in, out, scratch);
    in += source->height * source->width * source->depth;
    out += target->height * target->width * target->depth;
  }
}
