/* From the last layer to the first it is found which rows each has to compute; then they compute them, the first one first.
 * A ring begins with rows that the band before has computed: they are moved to its front. */
#include "chain.h"

#include <string.h>

/* The link's layer is to compute rows first to end - 1 of its output: note what it reads of its input, keep of the ring
 * what is still read, and say which rows are missing in it, by first and end. */
static void look_up(const engine_chain_link *link, engine_chain_state *now, int8_t *memory, int32_t *first,
                    int32_t *end) {
  now->first = *first, now->end = *end;
  if (*first == *end) { /* it has them: nobody above it has anything to do */
    *first = *end = now->computed;
    return;
  }
  const int32_t top = *first * link->stride - link->top; /* what the windows see: top to end - 1 */
  const int32_t from = engine_clamp(top, 0, link->height);
  const int32_t to = engine_min((*end - 1) * link->stride - link->top + link->reach, link->height);
  if (memory != NULL && from < now->computed) {
    int8_t *const ring = memory + link->ring;
    memmove(ring, ring + (from - now->begin) * link->row, (size_t)((now->computed - from) * link->row));
  }
  now->begin = from;
  now->above = from - top;
  *first = engine_max(now->computed, from);
  now->computed = *end = engine_max(to, *first);
}

static void one_image(const engine_chain_layer *layer, const int8_t *in, int8_t *out, int8_t *memory) {
  engine_chain_state *const states = (engine_chain_state *)(void *)memory;
  const int32_t last = layer->count - 1;
  memset(states, 0, (size_t)layer->count * sizeof(engine_chain_state));
  for (int32_t begin = 0; begin < layer->outputs; begin += layer->rows) {
    int32_t first = begin, end = engine_min(begin + layer->rows, layer->outputs);
    for (int32_t n = last; n >= 0; n--) look_up(&layer->links[n], &states[n], n > 0 ? memory : NULL, &first, &end);
    for (int32_t n = 0; n <= last; n++) {
      const engine_chain_link *const link = &layer->links[n];
      const engine_chain_state *const now = &states[n];
      if (now->first == now->end) continue;
      engine_band band = {.scratch = memory + layer->work,
                          .height = now->computed - now->begin,
                          .above = now->above,
                          .rows = now->end - now->first};
      band.in = n == 0 ? in + now->begin * link->row : memory + link->ring;
      band.out = n == last ? out + now->first * link->out_row
                           : memory + link[1].ring + (now->first - now[1].begin) * link->out_row;
      link->compute(&band);
    }
  }
}

void engine_chain(const engine_chain_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out, scratch);
    in += layer->image;
    out += layer->out_image;
  }
}
