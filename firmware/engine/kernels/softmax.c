/* Softmax of tensorflow/lite/kernels/internal/reference/softmax.h. */
#include "softmax.h"

#include "fixed_point.h"

/* exp of one input's difference to the largest, in Q0.31. */
static int32_t exponential(const engine_softmax_layer *layer, int32_t difference) {
#if ENGINE_SINGLE_ROUNDING
  return engine_exp(engine_requantize(difference, layer->multiplier, layer->shift));
#else
  return engine_exp(engine_doubling_high(engine_shift_left(difference, layer->shift), layer->multiplier));
#endif
}

void engine_softmax(const engine_softmax_layer *layer, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < layer->rows; row++, in += layer->depth, out += layer->depth) {
    int32_t most = INT8_MIN;
    for (int32_t c = 0; c < layer->depth; c++) most = engine_max(most, in[c]);
    int32_t sum = 0; /* Q12.19 */
    for (int32_t c = 0; c < layer->depth; c++) {
      if (in[c] - most >= layer->smallest) sum += engine_rounding_shift(exponential(layer, in[c] - most), 12);
    }
    /* 1 / sum, with the sum brought to [1, 2): GetReciprocal of tensorflow/lite/kernels/internal/common.h. */
    const int32_t zeros = engine_leading_zeros((uint32_t)sum);
    const int32_t scale = engine_one_over_one_plus((int32_t)(((uint32_t)sum << zeros) - (1u << 31)));
    const int32_t exponent = 12 - zeros + 31 - 8;
    for (int32_t c = 0; c < layer->depth; c++) {
      int32_t value = 0;
      if (in[c] - most >= layer->smallest) {
        value = engine_rounding_shift(engine_doubling_high(scale, exponential(layer, in[c] - most)), exponent);
      }
      out[c] = (int8_t)engine_clamp(value + INT8_MIN, INT8_MIN, INT8_MAX);
    }
  }
}
