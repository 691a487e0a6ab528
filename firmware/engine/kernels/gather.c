#include "gather.h"

#include <string.h>

void engine_gather(const engine_gather_layer *layer, const void *in, void *out) {
  const uint8_t *values = in;
  uint8_t *to = out;
  for (int32_t i = 0; i < layer->sizes[0]; i++) {
    for (int32_t j = 0; j < layer->sizes[1]; j++) {
      for (int32_t k = 0; k < layer->sizes[2]; k++) {
        int32_t place = layer->start + i * layer->steps[0] + j * layer->steps[1] + k * layer->steps[2];
        for (int32_t l = 0; l < layer->sizes[3]; l++, place += layer->steps[3], to += layer->bytes) {
          memcpy(to, values + place * layer->bytes, (size_t)layer->bytes);
        }
      }
    }
  }
}
