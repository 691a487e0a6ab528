// The self-test: does this library, on this board, compute what the desk computed?
#pragma once

#include <cstddef>
#include <cstdint>

#include "classifier.h"
#include "settings.h"

namespace edgeforge {

// A test input, what the model is given for it, and what TFLM on the desk answered.
struct TestVector {
  const RawType* raw;        // kInputValues
  const InputType* input;    // kInputValues
  const OutputType* output;  // kOutputValues
};

// What a self-test found.
struct SelfTest {
  uint32_t images = 0;
  uint32_t largestStep = 0;  // of an output, in quantization steps; in ten-thousandths where outputs are floats
  uint32_t wrongInputs = 0;  // prepared input values that are not the desk's
  bool ran = true;           // false: the classifier's error() says why

  bool pass() const { return ran && images > 0 && wrongInputs == 0 && largestStep <= kToleranceSteps; }

  void compareInput(const InputType* input, const InputType* wanted);
  void compareOutput(const OutputType* output, const OutputType* wanted);
};

// Gives each vector to the model, prepared from its raw values as in use, and compares with the desk.
SelfTest runSelfTest(Classifier& classifier, const TestVector* vectors, size_t count);

}  // namespace edgeforge
