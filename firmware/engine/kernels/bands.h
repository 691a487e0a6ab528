/* A convolution and the depthwise one that reads it, a band of rows at a time: what stands between them is never whole.
 * Each band begins with rows that the one before has computed: they are moved to the front, so that every row is
 * computed once. */
#ifndef ENGINE_BANDS_H
#define ENGINE_BANDS_H

#include <string.h>

#include "engine.h"

/* rows: of the output in one band, of `outputs` in all. The window that makes them of the rows between: its stride, how
 * far it reaches from its first row to behind its last, the padding above. height, row: rows between, bytes of one. */
typedef struct {
  int32_t rows, outputs;
  int32_t stride, reach, top;
  int32_t height, row;
  int8_t *kept;
  int32_t next;            /* output row with which the next band begins */
  int32_t begin, computed; /* the rows that are kept: begin to computed - 1 */
  int32_t end;             /* the rows to compute are computed to end - 1; there may be none */
  int32_t above;           /* rows of padding above the kept ones, in this band */
} engine_bands;

/* Go to the next band; return how many rows of the output it has, 0 behind the last. */
static inline int32_t engine_next_band(engine_bands *band) {
  const int32_t rows = engine_min(band->rows, band->outputs - band->next);
  const int32_t top = band->next * band->stride - band->top; /* what the windows see: top to end - 1 */
  const int32_t from = engine_clamp(top, 0, band->height);
  if (from < band->computed) {
    memmove(band->kept, band->kept + (from - band->begin) * band->row, (size_t)((band->computed - from) * band->row));
  } else {
    band->computed = from;
  }
  band->begin = from;
  band->above = from - top;
  band->end = engine_max(engine_min(top + (rows - 1) * band->stride + band->reach, band->height), band->computed);
  band->next += rows;
  return rows;
}

/* Where the rows to compute go. */
static inline int8_t *engine_band_place(const engine_bands *band) {
  return band->kept + (band->computed - band->begin) * band->row;
}

#endif
