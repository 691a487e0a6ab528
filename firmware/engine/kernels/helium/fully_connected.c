/* Four outputs at a time: an input is loaded once for four products. */
#include "fully_connected.h"

#include "dot.h"
#include "requantize.h"

void engine_helium_fully_connected(const engine_helium_fully_connected_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t inputs = layer->inputs, outputs = layer->outputs, alike = layer->multiplier != 0;
  const int32x4_t low = vdupq_n_s32(layer->low), high = vdupq_n_s32(layer->high);
  for (int32_t row = 0; row < layer->rows; row++, in += inputs, out += outputs) {
    const int32_t *channel = layer->requantization;
    const int8_t *weights = layer->weights;
    for (int32_t c = 0; c < outputs; c += 4, channel += alike ? 4 : 12, weights += 4 * inputs) {
      const int32_t last = outputs - 1 - c; /* where there are less than four it is computed again, and not written */
      const int8_t *const one = weights + engine_min(1, last) * inputs;
      const int8_t *const two = weights + engine_min(2, last) * inputs;
      const int8_t *const three = weights + engine_min(3, last) * inputs;
      int32x4_t values = engine_helium_dot_4(in, weights, one, two, three, inputs, 0);
      values = vaddq_s32(values, vldrwq_s32(channel));
      values = alike ? engine_helium_scale(values, layer->multiplier, layer->shift)
                     : engine_helium_scale_each(values, vldrwq_s32(channel + 4), vldrwq_s32(channel + 8),
                                                layer->rightwards);
      values = engine_helium_clamp(values, layer->output_zero, low, high);
      vstrbq_p_s32(out + c, values, vctp32q((uint32_t)(outputs - c)));
    }
  }
}
