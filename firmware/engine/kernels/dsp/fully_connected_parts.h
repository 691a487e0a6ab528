/* FULLY_CONNECTED of int8 with many inputs, in little memory, for cores with the DSP extension. */
#ifndef ENGINE_DSP_FULLY_CONNECTED_PARTS_H
#define ENGINE_DSP_FULLY_CONNECTED_PARTS_H

#include "fully_connected.h"

/* part: inputs that are widened at one time, a multiple of four. */
typedef struct {
  engine_dsp_fully_connected_layer dense;
  int32_t part;
} engine_dsp_fully_connected_parts_layer;

/* scratch: two bytes for each input of a part, and four for each output, their number rounded up to four. */
void engine_dsp_fully_connected_parts(const engine_dsp_fully_connected_parts_layer *layer, const int8_t *in,
                                      int8_t *out, void *scratch);

#endif
