/* QuantizedMeanOrSum of tensorflow/lite/kernels/internal/reference/reduce.h, eight channels at a time. */
#include "average.h"

#include "requantize.h"

#define CHANNELS 8
/* Sums of 16 bits are emptied before they can overflow: 256 values of -128 are -32768. */
#define MOST 256

static inline int16x8_t add_pixels(const int8_t *value, int32_t depth, int32_t count, mve_pred16_t lanes) {
  int16x8_t sums = vdupq_n_s16(0);
  for (; count > 0; count--, value += depth) sums = vaddq_s16(sums, vldrbq_z_s16(value, lanes));
  return sums;
}

void engine_helium_average(const engine_helium_average_layer *layer, const int8_t *in, int8_t *out) {
  const int32_t depth = layer->depth, pixels = layer->pixels;
  const int16x8_t low = vdupq_n_s16(INT8_MIN), high = vdupq_n_s16(INT8_MAX);
  for (int32_t batch = 0; batch < layer->batches; batch++, in += pixels * depth, out += depth) {
    for (int32_t channel = 0; channel < depth; channel += CHANNELS) {
      const mve_pred16_t lanes = vctp16q((uint32_t)(depth - channel));
      int32x4_t even = vdupq_n_s32(-layer->zeros), odd = even;
      for (int32_t first = 0; first < pixels; first += MOST) {
        const int8_t *const value = in + first * depth + channel;
        const int16x8_t sums = add_pixels(value, depth, engine_min(MOST, pixels - first), lanes);
        even = vaddq_s32(even, vmovlbq_s16(sums));
        odd = vaddq_s32(odd, vmovltq_s16(sums));
      }
      even = engine_helium_scale(even, layer->multiplier, layer->shift);
      odd = engine_helium_scale(odd, layer->multiplier, layer->shift);
      int16x8_t values = vqmovntq_s32(vqmovnbq_s32(low, even), odd);
      values = vminq_s16(vmaxq_s16(vqaddq_n_s16(values, (int16_t)layer->output_zero), low), high);
      vstrbq_p_s16(out + channel, values, lanes);
    }
  }
}
