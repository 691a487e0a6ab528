// What the output vector says: the best class of a head, or its value.
#include <cmath>

#include "classifier.h"

namespace edgeforge {
namespace {

float real(OutputType output) {
  return (static_cast<float>(output) - static_cast<float>(kOutputZeroPoint)) * kOutputScale;
}

// The probability of the class at `best`: softmax over the head, with its largest output taken off each.
float probability(const OutputType* output, size_t size, size_t best) {
  if (kOutputIsProbability) return real(output[best]);
  float sum = 0.0f;
  for (size_t i = 0; i < size; ++i) sum += expf(real(output[i]) - real(output[best]));
  return 1.0f / sum;
}

}  // namespace

Result readHead(const Head& head, const OutputType* output) {
  const OutputType* own = output + head.first;
  if (head.classes == nullptr) {
    const float value = real(own[0]) * head.deviation + head.mean;
    return {head.name, nullptr, 0.0f, head.log ? expf(value) : value, head.unit, 0};
  }
  size_t best = 0;
  for (size_t i = 1; i < head.size; ++i) {
    if (own[i] > own[best]) best = i;
  }
  return {head.name, head.classes[best], probability(own, head.size, best), 0.0f, "", 0};
}

}  // namespace edgeforge
