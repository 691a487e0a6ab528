// Out: a line for each thing that a person may do in the wrong order, with what the classifier says of it.
#include "classifier.h"
#include "fake_tflm.h"
#include "model.h"
#include "program.h"
#include "selftest.h"
#include "test_vectors.h"

using namespace edgeforge;

namespace {

RawType raw[kInputValues];
Result results[kHeads];

void say(const char* what, bool done, const Classifier& classifier) {
  printf("%s: %s\n", what, done ? "yes" : classifier.error());
}

// Everything that can be asked of a classifier that cannot run.
void useAnyway(const char* why, Classifier& classifier) {
  say(why, classifier.begin(), classifier);
  const bool any = classifier.prepare(raw) || classifier.add(raw, 1) || classifier.invoke() || classifier.whole() ||
                   classifier.classify(results) || classifier.input() != nullptr || classifier.output() != nullptr ||
                   runSelfTest(classifier, kTestVector, kTestVectors).pass();
  say("  used anyway", any, classifier);
}

}  // namespace

int main() {
  answers(0, kModel, kTestVector, kInputValues * sizeof(InputType), kOutputValues * sizeof(OutputType));
  static Classifier classifier;
  for (size_t i = 0; i < kInputValues; ++i) raw[i] = kTestVector[3].raw[i];
  say("before begin", classifier.prepare(raw) || classifier.classify(results), classifier);
  fake.schema = 4;
  useAnyway("schema", classifier);
  fake = Fake();
  fake.refusesOperators = true;
  useAnyway("operator", classifier);
  fake = Fake();
  fake.refusesTensors = true;
  useAnyway("tensors", classifier);
  fake = Fake();
  fake.ofAnotherModel = true;
  useAnyway("another model", classifier);
  fake = Fake();
  say("begin", classifier.begin(), classifier);
  say("without an input", classifier.classify(results), classifier);
  say("whole", classifier.prepare(raw) && classifier.classify(results), classifier);
  printf("  %s\n", results[0].label);
  say("the same input again", classifier.classify(results), classifier);
  classifier.start();
  say("half", classifier.add(raw, kInputValues / 2) && !classifier.whole(), classifier);
  say("classified", classifier.classify(results), classifier);
  say("the other half", classifier.add(raw + kInputValues / 2, kInputValues - kInputValues / 2), classifier);
  say("classified", classifier.classify(results), classifier);
  bool all = true;  // without start(): an inference begins the next input by itself
  for (size_t i = 0; i < kInputValues; i += 4) all = classifier.add(raw + i, 4) && all;
  say("in parts", all && classifier.whole() && classifier.classify(results), classifier);
  printf("  %s\n", results[0].label);
  say("one too many", classifier.prepare(raw) && classifier.add(raw, 1), classifier);
  say("classified", classifier.classify(results), classifier);
  say("far too many", classifier.add(raw, static_cast<size_t>(-1)), classifier);
  say("after it", classifier.prepare(raw) && classifier.classify(results), classifier);
  fake.failsToRun = true;
  say("fails", classifier.prepare(raw) && classifier.classify(results), classifier);
  fake.failsToRun = false;
  say("begun again", classifier.begin() && classifier.prepare(raw) && classifier.classify(results), classifier);
  return 0;
}
