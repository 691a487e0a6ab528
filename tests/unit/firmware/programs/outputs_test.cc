// Out: what the classifier says of the first test vector, head by head, and then its outputs as they follow each other.
#include "classifier.h"
#include "fake_tflm.h"
#include "model.h"
#include "program.h"
#include "selftest.h"
#include "test_vectors.h"

using namespace edgeforge;

int main() {
  answers(0, kModel, kTestVector, kInputValues * sizeof(InputType), kOutputValues * sizeof(OutputType),
          {14 * sizeof(OutputType), 1 * sizeof(OutputType), 128 * sizeof(OutputType), 80 * sizeof(OutputType)});
  static Classifier classifier;
  Result results[kHeads];
  static RawType raw[kInputValues];
  for (size_t i = 0; i < kInputValues; ++i) raw[i] = kTestVector[0].raw[i];
  if (!classifier.begin() || !classifier.prepare(raw) || !classifier.classify(results)) {
    fprintf(stderr, "%s\n", classifier.error());
    return 1;
  }
  for (const Result& result : results) {
    printf("%s|%s|%.6g\n", result.head, result.label == nullptr ? "" : result.label, static_cast<double>(result.value));
  }
  for (size_t i = 0; i < kOutputValues; ++i) printf("%d ", static_cast<int>(classifier.output()[i]));
  printf("\n%d\n", runSelfTest(classifier, kTestVector, kTestVectors).pass());
  return 0;
}
