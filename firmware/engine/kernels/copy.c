#include "copy.h"

#include <string.h>

void engine_copy(const engine_copy_layer *layer, const void *in, void *out) { memcpy(out, in, (size_t)layer->bytes); }
