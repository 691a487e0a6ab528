/* AddFunc of tensorflow/lite/kernels/internal/reference/integer_ops/add.h, four values at a time. */
#include "add.h"

#include "requantize.h"

#define LEFT_SHIFT 20

static inline int32x4_t sum(const engine_helium_add_layer *layer, int32x4_t shifted, int32x4_t scaled) {
  /* value << 20, times 1/2 */
  const int32_t half = layer->shifted_sign * (1 << (LEFT_SHIFT - 1));
  shifted = vmulq_n_s32(vsubq_n_s32(shifted, layer->shifted_zero), half);
  scaled = vshlq_n_s32(vsubq_n_s32(scaled, layer->scaled_zero), LEFT_SHIFT);
  scaled = vqrdmulhq_n_s32(scaled, layer->scaled_multiplier);
  const int32x4_t rounded = vandq_s32(scaled, vdupq_n_s32(layer->scaled_shift)); /* a shift of 0 rounds nothing */
  scaled = vrshlq_n_s32(vaddq_s32(scaled, vshrq_n_s32(rounded, 31)), layer->scaled_shift);
  const int32x4_t both = vqrdmulhq_n_s32(vmlaq_n_s32(shifted, scaled, layer->scaled_sign), layer->multiplier);
  const int32x4_t values = vrshlq_n_s32(vaddq_s32(both, vshrq_n_s32(both, 31)), layer->shift);
  return engine_helium_clamp(values, layer->output_zero, vdupq_n_s32(layer->low), vdupq_n_s32(layer->high));
}

void engine_helium_add(const engine_helium_add_layer *layer, const int8_t *shifted, const int8_t *scaled, int8_t *out) {
  const engine_helium_add_layer here = *layer; /* the output may be over any other memory */
  const int32_t whole = here.count / 4, more = here.count % 4;
  for (int32_t k = whole; k > 0; k--, shifted += 4, scaled += 4, out += 4) {
    vstrbq_s32(out, sum(&here, vldrbq_s32(shifted), vldrbq_s32(scaled)));
  }
  if (more > 0) {
    const mve_pred16_t lanes = vctp32q((uint32_t)more);
    vstrbq_p_s32(out, sum(&here, vldrbq_z_s32(shifted, lanes), vldrbq_z_s32(scaled, lanes)), lanes);
  }
}
