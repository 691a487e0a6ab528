// Samples that are due while the model runs: time stands still but when it is asked for or waited for, and then a thread's
// sampler runs every millisecond where there is one. readSample() gives the number of the period that it is read in, so that
// an input says of each of its values when it was read. INFERENCE_MS: how long the model takes.
#include <Arduino.h>
#include <stdio.h>

#include "sensor.h"
#include "window.h"

using namespace edgeforge;

static uint32_t now = 0;

unsigned long micros() { return now; }
unsigned long millis() { return now / 1000; }

static void pass(uint32_t milliseconds) {
  for (uint32_t i = 0; i < milliseconds; ++i) {
    now += 1000;
#if EDGEFORGE_SAMPLING_THREAD
    sampleWhenDue();
#endif
  }
}

namespace edgeforge {
const char* beginSample() { return nullptr; }
bool readSample(RawType (&sample)[kChannels]) {
  static const uint32_t begun = now;
  for (RawType& value : sample) value = static_cast<RawType>((now - begun) / kPeriodMicros) * kInputScale;
  return true;
}
}  // namespace edgeforge

HardwareSerial Serial;
size_t HardwareSerial::write(const uint8_t* bytes, size_t count) { return fwrite(bytes, 1, count, stdout); }

// Prints of each input the periods that its values were read in; then what was taken and lost since the input before.
int main() {
  static Classifier classifier;
  if (!classifier.begin() || beginSensor() != nullptr) return 1;
  for (int inputs = 0; inputs < 5;) {
    pass(1);
    if (!readSensor(classifier)) continue;
    ++inputs;
    for (size_t i = 0; i < kWidth; ++i) printf("%d ", static_cast<int>(classifier.input()[i * kChannels] - kInputZeroPoint));
    const SamplingFacts facts = samplingFacts();
    printf("%u %u %u\n", unsigned(facts.samples), unsigned(facts.lost), unsigned(facts.largestMicros));
    pass(INFERENCE_MS);
  }
  return 0;
}
