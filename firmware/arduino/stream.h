// Samples on the serial line: those of the sensor to a host that records, and a host's in the place of the sensor's.
#pragma once

#include "device.h"
#include "sensor.h"

namespace edgeforge {

class SampledDevice : public ModelDevice {
 public:
  using ModelDevice::ModelDevice;

  SampleFacts sampleFacts() override;
  bool sampling(Sampling wanted) override;
  void takeSamples(size_t offset, const uint8_t* bytes, size_t count) override;
  const uint8_t* judgeSamples(uint32_t* inputs, uint32_t* micros, int32_t* heard, bool* failed) override;

  // Sends the host what the sensor gives while it asks for that; true where the sketch is to judge nothing itself.
  bool streams(Protocol& protocol);

 private:
  Sampling mode_ = Sampling::kJudged;
  uint32_t inputs_ = 0;    // completed by the samples taken
  bool completed_ = false;  // by the last of them
};

}  // namespace edgeforge
