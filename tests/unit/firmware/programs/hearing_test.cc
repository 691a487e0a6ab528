// Gives a microphone's samples (of the input) to the sketch's own sensor code, and writes each input that it makes.
#include <Arduino.h>
#include <PDM.h>
#include <stdio.h>

#include "hearing.h"
#include "sensor.h"

using namespace edgeforge;

PDMClass PDM;

int PDMClass::read(void* buffer, size_t bytes) {
  size_t count = 0;
  uint8_t* to = static_cast<uint8_t*>(buffer);
  while (count < bytes && Serial.available() > 0) to[count++] = static_cast<uint8_t>(Serial.read());
  return static_cast<int>(count);
}

static Classifier classifier;

void setup() {
  if (!classifier.begin() || beginSensor() != nullptr) return;
  Hearing alone;
  const uint8_t passed = alone.test();
  Serial.write(&passed, 1);
}

void loop() {
  if (Serial.available() > 0) PDM.hear();
  if (readSensor(classifier)) Serial.write(reinterpret_cast<const uint8_t*>(classifier.input()), kInputValues);
}
