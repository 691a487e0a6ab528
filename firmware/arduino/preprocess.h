// From raw sensor values to the model's input tensor: normalised and quantized.
#pragma once

#include <cstddef>

#include "settings.h"

namespace edgeforge {

// Prepares `count` raw values (channels last) for the places `first`, first + 1, … of the input tensor.
void prepare(const RawType* raw, size_t first, size_t count, InputType* input);

}  // namespace edgeforge
