// Two projects in one program, as they stand in one sketch: the second one in src/other. Out: a line for each test vector
// of both, in turns, and what both self-tests find.
#include "classifier.h"
#include "fake_tflm.h"
#include "model.h"
#include "program.h"
#include "selftest.h"
#include "src/other/classifier.h"
#include "src/other/model.h"
#include "src/other/selftest.h"
#include "src/other/test_vectors.h"
#include "test_vectors.h"

namespace {

template <typename Classifier, typename Vector, typename Result, size_t kHeads>
void classify(const char* name, Classifier& classifier, const Vector& vector, size_t values, Result (&results)[kHeads]) {
  classifier.start();
  const bool done = classifier.add(vector.raw, values) && classifier.classify(results);
  printf("%s %s\n", name, done ? results[0].label : classifier.error());
}

}  // namespace

int main() {
  answers(0, first::kModel, first::kTestVector, sizeof(first::InputType) * first::kInputValues, first::kOutputValues);
  answers(1, second::kModel, second::kTestVector, sizeof(second::InputType) * second::kInputValues, second::kOutputValues);
  static first::Classifier one;
  static second::Classifier other;
  if (!one.begin() || !other.begin()) return 1;
  first::Result results[first::kHeads];
  second::Result others[second::kHeads];
  for (size_t i = 0; i < first::kTestVectors; ++i) {
    classify("first", one, first::kTestVector[i], first::kInputValues, results);
    classify("second", other, second::kTestVector[i % second::kTestVectors], second::kInputValues, others);
  }
  printf("%d %d\n", first::runSelfTest(one, first::kTestVector, first::kTestVectors).pass(),
         second::runSelfTest(other, second::kTestVector, second::kTestVectors).pass());
  return 0;
}
