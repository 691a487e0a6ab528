/* ADD and SUB of int8, of inputs of one shape, for cores with the DSP extension. */
#ifndef ENGINE_DSP_ADD_H
#define ENGINE_DSP_ADD_H

#include "engine.h"

/* The input with the larger scale is only shifted on its way to the common scale; the other is multiplied too, which a
 * table of its 256 values has done. scaled: whether the second is that other. sign: of the scaled one, and of what is
 * shifted. multiplier, right: of their sum, as requantize.h has them. */
typedef struct {
  int32_t count;
  int32_t shifted_zero, scaled_zero;
  int32_t shifted_sign, scaled_sign;
  int32_t scaled_multiplier, scaled_shift;
  int32_t output_zero;
  uint32_t multiplier;
  int32_t right;
} engine_dsp_add_layer;

/* scratch: 1024 bytes. out may be an input. */
void engine_dsp_add(const engine_dsp_add_layer *layer, const int8_t *shifted, const int8_t *scaled, int8_t *out,
                    void *scratch);

#endif
