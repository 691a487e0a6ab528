/* PAD and PADV2 of int8 and int16: a frame of one value. */
#ifndef ENGINE_PAD_H
#define ENGINE_PAD_H

#include "engine.h"

typedef struct {
  int32_t wide; /* 1: int16 */
  int32_t value;
  int32_t sizes[4], before[4], after[4]; /* sizes: of the input */
} engine_pad_layer;

void engine_pad(const engine_pad_layer *layer, const void *in, void *out);

#endif
