/* ADD and SUB of int8 of one shape for cores with Helium. */
#ifndef ENGINE_HELIUM_ADD_H
#define ENGINE_HELIUM_ADD_H

#include "engine.h"

/* One input's factor is 1/2, as that of the larger scale always is: it is only shifted. The other's is scaled_multiplier *
 * 2^(scaled_shift - 31), the sum's multiplier * 2^(shift - 31). scaled_shift: 0 or less; shift: -1 or less. A sign of -1
 * subtracts. */
typedef struct {
  int32_t count;
  int32_t shifted_zero, scaled_zero;
  int32_t shifted_sign, scaled_sign;
  int32_t scaled_multiplier, scaled_shift;
  int32_t output_zero, multiplier, shift, low, high;
} engine_helium_add_layer;

/* out may be an input. */
void engine_helium_add(const engine_helium_add_layer *layer, const int8_t *shifted, const int8_t *scaled, int8_t *out);

#endif
