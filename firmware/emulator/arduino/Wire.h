// Some TFLM libraries include it and use none of it for a model.
#pragma once

#include "Arduino.h"
