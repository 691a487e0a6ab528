// What the tests of fake_tflm.h share.
#include "fake_tflm.h"

#include <Arduino.h>

Fake fake;
FakeModel fakeModels[2];

// A clock that goes on by the same time whenever it is asked.
unsigned long micros() {
  static unsigned long now = 0;
  return now += 21;
}
