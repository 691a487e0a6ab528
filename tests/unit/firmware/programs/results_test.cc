// In: outputs, each after its input where a head needs that. Out: a line for each head of each: its name, label, score,
// value and unit, and the pixels of each class of a map.
#include "results.h"
#include "program.h"

int main() {
  Input in;
  static edgeforge::InputType input[edgeforge::kInputValues];
  static edgeforge::OutputType output[edgeforge::kOutputValues];
  while (in.read(input, edgeforge::kInputValues) && in.read(output, edgeforge::kOutputValues)) {
    for (const edgeforge::Head& head : edgeforge::kHead) {
      const edgeforge::Result result = edgeforge::readHead(head, output, input);
      const char* label = result.label == nullptr ? "" : result.label;
      printf("%s|%s|%.6g|%.6g|%s|", result.head, label, static_cast<double>(result.score),
             static_cast<double>(result.value), result.unit);
      if (head.meaning == edgeforge::Meaning::kMap) {
        uint32_t counts[edgeforge::kMapClasses + 1];
        edgeforge::countPixels(head, output, counts);
        for (size_t i = 0; i < head.classCount; ++i) printf(" %u", static_cast<unsigned>(counts[i]));
      }
      if (head.meaning == edgeforge::Meaning::kValue) {
        for (size_t i = 0; i < head.size; ++i) printf(" %.6g", static_cast<double>(edgeforge::valueAt(head, output, i)));
      }
      printf("\n");
    }
  }
  return 0;
}
