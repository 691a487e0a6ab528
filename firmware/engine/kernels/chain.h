/* Layers one behind the other, a few rows at a time: what stands between two of them is never whole, a few rows of it
 * are kept in a ring. Every row is computed once. */
#ifndef ENGINE_CHAIN_H
#define ENGINE_CHAIN_H

#include "engine.h"

/* Rows of a layer's output that are computed at one time, as if they were an image of their own. in: the first of
 * `height` rows of the input, above them as many rows of padding. out: the first of `rows` rows. */
typedef struct {
  const int8_t *in;
  int8_t *out;
  void *scratch;
  int32_t height, above, rows;
} engine_band;

/* One of the layers. reach: rows from the first that a window sees to behind the last; top: of padding, above all. height,
 * row: of its input, row in bytes. out_row: bytes. ring: where the rows that it reads are kept, from the start of the
 * scratch memory; the first layer reads the image itself. */
typedef struct {
  void (*compute)(const engine_band *band);
  int32_t stride, reach, top;
  int32_t height, row, out_row;
  int32_t ring;
} engine_chain_link;

/* What is known of a layer while they run. begin, computed: the rows that are kept of what it reads, begin to computed - 1.
 * first, end: the rows of its output to compute now, above: of padding over what it reads for them. */
typedef struct {
  int32_t begin, computed;
  int32_t first, end, above;
} engine_chain_state;

/* image, out_image: bytes. rows: of the last layer's output, which has `outputs`, computed at one time. work: where the
 * layers' own scratch memory begins, behind the rings. */
typedef struct {
  int32_t batches, image, out_image;
  int32_t outputs, rows;
  int32_t work;
  const engine_chain_link *links;
  int32_t count;
} engine_chain_layer;

/* scratch: a state for each link, the rings, and the scratch memory of any layer for the rows of a band. */
void engine_chain(const engine_chain_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
