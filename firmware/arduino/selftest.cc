// The self-test: does this library, on this board, compute what the desk computed?
#include "selftest.h"

#include <cmath>
#include <cstring>
#include <type_traits>

namespace edgeforge {
namespace {

constexpr float kFloatStep = 1e-4f;
constexpr float kMostSteps = 1e9f;  // also for NaN: more than any tolerance

uint32_t steps(OutputType one, OutputType other) {
  const float difference = fabsf(static_cast<float>(one) - static_cast<float>(other));
  if (!std::is_floating_point<OutputType>::value) return static_cast<uint32_t>(difference);
  const float whole = ceilf(difference / kFloatStep);
  return static_cast<uint32_t>(whole < kMostSteps ? whole : kMostSteps);
}

}  // namespace

void SelfTest::compareInput(const InputType* input, const InputType* wanted) {
  for (size_t i = 0; i < kInputValues; ++i) {
    if (memcmp(&input[i], &wanted[i], sizeof(InputType)) != 0) ++wrongInputs;
  }
}

void SelfTest::compareOutput(const OutputType* output, const OutputType* wanted) {
  for (size_t i = 0; i < kOutputValues; ++i) {
    const uint32_t found = steps(output[i], wanted[i]);
    if (found > largestStep) largestStep = found;
  }
  ++images;
}

SelfTest runSelfTest(Classifier& classifier, const TestVector* vectors, size_t count) {
  SelfTest test;
  for (size_t i = 0; i < count && test.ran; ++i) {
    classifier.start();
    test.ran = classifier.add(vectors[i].raw, kInputValues);
    if (!test.ran) break;
    test.compareInput(classifier.input(), vectors[i].input);
    // Wrong preparation is counted above; the kernels are judged on the desk's own input.
    classifier.start();
    // As on the desk, no vector follows another: what a model with a state has kept is forgotten.
    test.ran = classifier.addPrepared(vectors[i].input, kInputValues) && classifier.reset() && classifier.invoke();
    if (test.ran) test.compareOutput(classifier.output(), vectors[i].output);
  }
  return test;
}

}  // namespace edgeforge
