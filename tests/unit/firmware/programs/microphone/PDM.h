// As much of Arduino's PDM library as a sketch asks for: samples that a test has put there.
#pragma once

#include <stddef.h>
#include <stdint.h>

class PDMClass {
 public:
  void onReceive(void (*received)()) { received_ = received; }
  void setBufferSize(int) {}
  int begin(int channels, int rate) { return channels == 1 && rate == 16000; }
  int read(void* buffer, size_t bytes);
  void hear() { received_(); }

 private:
  void (*received_)() = nullptr;
};

extern PDMClass PDM;
