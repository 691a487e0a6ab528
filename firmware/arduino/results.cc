// What the outputs say: a class, yes or no, a value, an error, a map.
#include "results.h"

#include <cmath>

namespace edgeforge {
namespace {

float real(const Head& head, OutputType output) {
  return (static_cast<float>(output) - static_cast<float>(head.zeroPoint)) * head.scale;
}

size_t largest(const OutputType* own, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; ++i) {
    if (own[i] > own[best]) best = i;
  }
  return best;
}

// The probability of the class at `best`: softmax over the head, with its largest output taken off each.
float probability(const Head& head, const OutputType* own, size_t best) {
  if (head.probability) return real(head, own[best]);
  float sum = 0.0f;
  for (size_t i = 0; i < head.size; ++i) sum += expf(real(head, own[i]) - real(head, own[best]));
  return 1.0f / sum;
}

// The mean of the squared differences of outputs and inputs, both as real values.
float meanError(const Head& head, const OutputType* own, const InputType* input) {
  float sum = 0.0f;
  for (size_t i = 0; i < head.size; ++i) {
    const float given = (static_cast<float>(input[i]) - static_cast<float>(kInputZeroPoint)) * kInputScale;
    const float difference = real(head, own[i]) - given;
    sum += difference * difference;
  }
  return sum / static_cast<float>(head.size);
}

}  // namespace

float valueAt(const Head& head, const OutputType* output, size_t place) {
  const float value = real(head, output[head.first + place]) * head.deviation + head.mean;
  return head.log ? expf(value) : value;
}

size_t classAt(const Head& head, const OutputType* output, size_t pixel) {
  const OutputType* own = output + head.first + pixel * head.channels;
  return head.channels == 1 ? static_cast<size_t>(real(head, own[0]) >= head.cut) : largest(own, head.channels);
}

void countPixels(const Head& head, const OutputType* output, uint32_t* counts) {
  for (size_t i = 0; i < head.classCount; ++i) counts[i] = 0;
  for (size_t pixel = 0; pixel < head.size / head.channels; ++pixel) ++counts[classAt(head, output, pixel)];
}

Result readHead(const Head& head, const OutputType* output, const InputType* input) {
  const OutputType* own = output + head.first;
  Result result;
  result.head = head.name;
  result.unit = head.unit;
  switch (head.meaning) {
    case Meaning::kClasses: {
      const size_t best = largest(own, head.size);
      result.label = head.classes[best];
      result.score = probability(head, own, best);
      break;
    }
    case Meaning::kYesNo: {
      const float output0 = real(head, own[0]);
      result.label = head.classes[output0 >= head.cut ? 1 : 0];
      result.score = head.probability ? output0 : 1.0f / (1.0f + expf(-output0));
      break;
    }
    case Meaning::kValue:
      result.value = valueAt(head, output, 0);
      break;
    case Meaning::kReconstruction:
      result.value = meanError(head, own, input);
      if (head.classes != nullptr) result.label = head.classes[result.value >= head.cut ? 1 : 0];
      break;
    case Meaning::kMap: {
      static uint32_t counts[kMapClasses > 0 ? kMapClasses : 1];  // static: not every board has a large stack
      countPixels(head, output, counts);
      size_t most = 0;
      for (size_t i = 1; i < head.classCount; ++i) {
        if (counts[i] > counts[most]) most = i;
      }
      result.label = head.classes[most];
      result.score = static_cast<float>(counts[most]) / static_cast<float>(head.size / head.channels);
      break;
    }
  }
  return result;
}

}  // namespace edgeforge
