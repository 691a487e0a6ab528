/* Rows of bytes that lie apart: CONCATENATION and SPLIT. */
#ifndef ENGINE_COPY_ROWS_H
#define ENGINE_COPY_ROWS_H

#include "engine.h"

typedef struct {
  int32_t rows, bytes;
  int32_t in, in_step; /* where the first row begins, and from one to the next, in bytes */
  int32_t out, out_step;
} engine_copy_rows_layer;

void engine_copy_rows(const engine_copy_rows_layer *layer, const void *in, void *out);

#endif
