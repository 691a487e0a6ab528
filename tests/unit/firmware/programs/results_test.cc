// In: output tensors. Out: a line for each head of each: its name, label, score, value and unit.
#include "classifier.h"
#include "program.h"

int main() {
  Input in;
  edgeforge::OutputType output[edgeforge::kOutputValues];
  while (in.read(output, edgeforge::kOutputValues)) {
    for (const edgeforge::Head& head : edgeforge::kHead) {
      const edgeforge::Result result = edgeforge::readHead(head, output);
      const char* label = result.label == nullptr ? "" : result.label;
      printf("%s|%s|%.6g|%.6g|%s\n", result.head, label, static_cast<double>(result.score),
             static_cast<double>(result.value), result.unit);
    }
  }
  return 0;
}
