/* AddFunc of tensorflow/lite/kernels/internal/reference/integer_ops/add.h, 11 instructions an output. */
#include "add.h"

#include <string.h>

#include "requantize.h"

#define SHIFT 19 /* 20, and the multiplier of 1/2 */

static inline int8_t sum(const int32_t *table, int32_t sign, int32_t shifted, uint32_t scaled, uint32_t multiplier,
                         uint32_t right, int32_t zero) {
  const int32_t raw = table[scaled] + sign * (shifted * (1 << SHIFT));
  return (int8_t)engine_dsp_requantize(raw, multiplier, right, zero);
}

static inline void add(const engine_dsp_add_layer *layer, const int32_t *table, int32_t sign, const int8_t *shifted,
                       const int8_t *scaled, int8_t *out) {
  const uint32_t multiplier = layer->multiplier, right = (uint32_t)layer->right;
  const int32_t zero = layer->output_zero;
  const int8_t *const end = out + layer->count;
  while (end - out >= 4) {
    /* All four are read before one is written: out may be an input. */
    const int32_t a = shifted[0], b = shifted[1], c = shifted[2], d = shifted[3];
    const uint32_t e = (uint8_t)scaled[0], f = (uint8_t)scaled[1], g = (uint8_t)scaled[2], h = (uint8_t)scaled[3];
    out[0] = sum(table, sign, a, e, multiplier, right, zero);
    out[1] = sum(table, sign, b, f, multiplier, right, zero);
    out[2] = sum(table, sign, c, g, multiplier, right, zero);
    out[3] = sum(table, sign, d, h, multiplier, right, zero);
    shifted += 4, scaled += 4, out += 4;
  }
  for (; out < end; out++) *out = sum(table, sign, *shifted++, (uint8_t)*scaled++, multiplier, right, zero);
}

void engine_dsp_add(const engine_dsp_add_layer *layer, const int8_t *shifted, const int8_t *scaled, int8_t *out,
                    void *scratch) {
  int32_t *const table = scratch;
  const int32_t zeros = layer->shifted_sign * layer->shifted_zero * (1 << SHIFT);
  for (int32_t value = INT8_MIN; value <= INT8_MAX; value++) {
    const int32_t raw = (value - layer->scaled_zero) * (1 << (SHIFT + 1));
    table[(uint8_t)value] =
        layer->scaled_sign * engine_requantize(raw, layer->scaled_multiplier, layer->scaled_shift) - zeros;
  }
  if (layer->shifted_sign > 0) {
    add(layer, table, 1, shifted, scaled, out);
  } else {
    add(layer, table, -1, shifted, scaled, out);
  }
}
