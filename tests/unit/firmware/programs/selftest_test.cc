// In: a shift (i32) and a place (i32) again and again. Out: what the self-test finds with outputs so many steps off,
// and with that raw value of the first vector changed (none where the place is negative).
#include "classifier.h"
#include "fake_tflm.h"
#include "model.h"
#include "program.h"
#include "selftest.h"
#include "test_vectors.h"

int main() {
  Input in;
  static edgeforge::RawType raw[edgeforge::kInputValues];
  answers(0, edgeforge::kModel, edgeforge::kTestVector, edgeforge::kInputValues * sizeof(edgeforge::InputType),
          edgeforge::kOutputValues * sizeof(edgeforge::OutputType));
  edgeforge::Classifier classifier;
  if (!classifier.begin()) return 1;
  int32_t wanted[2];
  while (in.read(wanted, 2)) {
    fake.shift = wanted[0];
    edgeforge::TestVector vectors[edgeforge::kTestVectors];
    for (size_t i = 0; i < edgeforge::kTestVectors; ++i) vectors[i] = edgeforge::kTestVector[i];
    for (size_t i = 0; i < edgeforge::kInputValues; ++i) raw[i] = vectors[0].raw[i];
    if (wanted[1] >= 0) raw[wanted[1]] = static_cast<edgeforge::RawType>(raw[wanted[1]] + 3);
    vectors[0].raw = raw;
    const edgeforge::SelfTest test = edgeforge::runSelfTest(classifier, vectors, edgeforge::kTestVectors);
    printf("%d %u %u %u\n", test.pass(), static_cast<unsigned>(test.images), static_cast<unsigned>(test.largestStep),
           static_cast<unsigned>(test.wrongInputs));
  }
  return 0;
}
