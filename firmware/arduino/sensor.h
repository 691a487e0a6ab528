// Where the board's own sensor comes in: sensor.cc has a worked example, an OV7675 camera.
#pragma once

#include "classifier.h"

namespace edgeforge {

// Starts the sensor; null, or what is wrong and what to do.
const char* beginSensor();

// Prepares the classifier's input from the sensor; false when there is nothing new.
bool readSensor(Classifier& classifier);

}  // namespace edgeforge
