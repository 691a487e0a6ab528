// In: camera frames, as an OV7675 sends them. Out: the input tensors that the sketch's own sensor.cc makes of them.
#include <Arduino_OV767X.h>

#include "fake_tflm.h"
#include "model.h"
#include "program.h"
#include "sensor.h"
#include "test_vectors.h"

using namespace edgeforge;

OV767X Camera;

namespace {

Input* in;
size_t frameBytes = 0;
bool more = true;

}  // namespace

int OV767X::begin(int resolution, int format, int) {
  frameBytes = 160u * 120u * (format == RGB565 ? 2 : 1);
  return resolution == QQVGA;
}

void OV767X::readFrame(void* frame) { more = in->read(static_cast<uint8_t*>(frame), frameBytes); }

int main() {
  Input file;
  in = &file;
  answers(0, kModel, kTestVector, kInputValues * sizeof(InputType), kOutputValues * sizeof(OutputType));
  static Classifier classifier;
  if (!classifier.begin() || beginSensor() != nullptr) return 1;
  for (;;) {
    const bool read = readSensor(classifier);
    if (!more) return 0;
    if (!read || !classifier.whole()) return 2;
    put(classifier.input(), kInputValues);
  }
}
