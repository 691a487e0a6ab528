#include "copy_rows.h"

#include <string.h>

void engine_copy_rows(const engine_copy_rows_layer *layer, const void *in, void *out) {
  const uint8_t *from = (const uint8_t *)in + layer->in;
  uint8_t *to = (uint8_t *)out + layer->out;
  for (int32_t row = 0; row < layer->rows; row++, from += layer->in_step, to += layer->out_step) {
    memcpy(to, from, (size_t)layer->bytes);
  }
}
