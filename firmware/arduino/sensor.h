// Where the board's own sensor comes in: sensor.cc.
#pragma once

#include "classifier.h"

namespace edgeforge {

// Starts the sensor; null, or what is wrong and what to do.
const char* beginSensor();

// Gives the classifier a whole input from the sensor; false when there is nothing new.
bool readSensor(Classifier& classifier);

}  // namespace edgeforge
