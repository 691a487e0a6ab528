// Where the board's own sensor comes in.
//
// For another sensor, replace the two functions: fill an array of RawType, channels last, and hand it to
// classifier.prepare(), whole or in parts as the values arrive.
#include "sensor.h"

#if EDGEFORGE_OV7675

#include <Arduino_OV767X.h>

#include <type_traits>

#include "resize.h"

static_assert(std::is_same<edgeforge::RawType, uint8_t>::value, "an OV7675 gives bytes: this model takes other raw values");

namespace edgeforge {
namespace {

constexpr Size kFrame = {160, 120};  // QQVGA
constexpr int kFramesASecond = 5;
// Set it where the training images are light on dark, as MNIST's are, and the camera sees ink on paper.
constexpr bool kInvert = false;

uint8_t frame[kFrame.width * kFrame.height];  // 19,200 bytes of RAM, beside the arena
RawType row[kWidth * kChannels];

}  // namespace

const char* beginSensor() {
  if (Camera.begin(QQVGA, GRAYSCALE, kFramesASecond)) return nullptr;
  return "No OV7675 camera answers. Check the wires of README.txt, or set EDGEFORGE_OV7675 to 0 in settings.h.";
}

bool readSensor(Classifier& classifier) {
  Camera.readFrame(frame);  // waits for the next frame; interrupts are off meanwhile
  constexpr Size kShape = {kWidth, kHeight};
  const Box box = centered(kFrame, kShape);
  constexpr uint32_t kWhite = static_cast<uint32_t>(kRawMax);
  for (size_t y = 0; y < kHeight; ++y) {
    for (size_t x = 0; x < kWidth; ++x) {
      const uint8_t seen = scaledPixel(frame, kFrame.width, box, kShape, x, y);
      const uint32_t gray = kInvert ? 255u - seen : seen;
      // Gray in every channel, from 0 to the largest raw value of the training.
      for (size_t c = 0; c < kChannels; ++c) row[x * kChannels + c] = static_cast<RawType>((gray * kWhite + 127u) / 255u);
    }
    classifier.prepare(row, y * sizeof row, sizeof row);
  }
  return true;
}

}  // namespace edgeforge

#else

namespace edgeforge {

const char* beginSensor() { return nullptr; }

bool readSensor(Classifier&) { return false; }

}  // namespace edgeforge

#endif
