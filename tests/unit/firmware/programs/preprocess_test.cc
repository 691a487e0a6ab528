// In: raw inputs. Out: the input tensors of them, each prepared in two parts.
#include "preprocess.h"
#include "program.h"

using edgeforge::kInputValues;

int main() {
  Input in;
  static edgeforge::RawType raw[kInputValues];
  static edgeforge::InputType tensor[kInputValues];
  while (in.read(raw, kInputValues)) {
    const size_t first = kInputValues / 3;
    edgeforge::prepare(raw, 0, first, tensor);
    edgeforge::prepare(raw + first, first, kInputValues - first, tensor);
    put(tensor, kInputValues);
  }
  return 0;
}
