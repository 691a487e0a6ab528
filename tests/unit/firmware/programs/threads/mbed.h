// As much of Mbed OS as a sketch asks for whose samples a thread takes; the test's own clock calls the sampler in its place.
#pragma once

#include <stdint.h>

#include <chrono>

enum osPriority_t { osPriorityAboveNormal };
enum osStatus { osOK };

namespace mbed {
template <typename F>
F callback(F function) {
  return function;
}
}  // namespace mbed
