// The model as the serial protocol sees it.
#pragma once

#include "classifier.h"
#include "protocol.h"

namespace edgeforge {

class ModelDevice : public Device {
 public:
  explicit ModelDevice(Classifier& classifier) : classifier_(classifier) {}

  DeviceFacts facts() override;
  void takeRaw(size_t offset, const uint8_t* bytes, size_t count) override;
  void takeTensor(size_t offset, const uint8_t* bytes, size_t count) override;
  bool keepState(bool keep) override;
  const uint8_t* invoke(uint32_t* micros) override;
  SelfTestAnswer selfTest() override;

 protected:
  Classifier& classifier_;

 private:
  bool keeps_ = false;
};

}  // namespace edgeforge
