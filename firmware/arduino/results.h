// What the outputs say of the last input.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heads.h"
#include "settings.h"

namespace edgeforge {

// What one head says.
struct Result {
  const char* head = "";
  // The class; of a map that of most pixels; nullptr where the head gives a value, or an error without a threshold.
  const char* label = nullptr;
  float score = 0.0f;     // probability of the class, of a yes or no that of classes[1]; of a map the share of its pixels
  float value = 0.0f;     // of a value head, in `unit`, the first of several; of a reconstruction its error
  const char* unit = "";
  uint32_t micros = 0;    // preparing the input and Invoke, in microseconds
};

// Reads one head out of the outputs. input: what the model was given; only a reconstruction needs it.
Result readHead(const Head& head, const OutputType* output, const InputType* input);

// One of the values of a head of several.
float valueAt(const Head& head, const OutputType* output, size_t place);

// The number of a pixel's class, pixels row by row.
size_t classAt(const Head& head, const OutputType* output, size_t pixel);

// How many pixels of a map are of each class: fills head.classCount counts.
void countPixels(const Head& head, const OutputType* output, uint32_t* counts);

}  // namespace edgeforge
