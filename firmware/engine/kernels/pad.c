#include "pad.h"

#include <string.h>

/* Writes the value `count` times and returns where to go on. */
static uint8_t *filled(const engine_pad_layer *layer, uint8_t *to, int32_t count) {
  if (!layer->wide) {
    memset(to, layer->value, (size_t)count);
    return to + count;
  }
  const int16_t value = (int16_t)layer->value;
  for (int32_t i = 0; i < count; i++, to += sizeof value) memcpy(to, &value, sizeof value);
  return to;
}

void engine_pad(const engine_pad_layer *layer, const void *in, void *out) {
  const int32_t *sizes = layer->sizes, *before = layer->before, *after = layer->after;
  const int32_t row = before[3] + sizes[3] + after[3]; /* values of the output in each dimension */
  const int32_t plane = (before[2] + sizes[2] + after[2]) * row;
  const int32_t volume = (before[1] + sizes[1] + after[1]) * plane;
  const size_t bytes = (size_t)(layer->wide ? 2 * sizes[3] : sizes[3]);
  const uint8_t *from = in;
  uint8_t *to = filled(layer, out, before[0] * volume);
  for (int32_t i = 0; i < sizes[0]; i++) {
    to = filled(layer, to, before[1] * plane);
    for (int32_t j = 0; j < sizes[1]; j++) {
      to = filled(layer, to, before[2] * row);
      for (int32_t k = 0; k < sizes[2]; k++) {
        to = filled(layer, to, before[3]);
        memcpy(to, from, bytes);
        from += bytes;
        to = filled(layer, to + bytes, after[3]);
      }
      to = filled(layer, to, after[2] * row);
    }
    to = filled(layer, to, after[1] * plane);
  }
  filled(layer, to, after[0] * volume);
}
