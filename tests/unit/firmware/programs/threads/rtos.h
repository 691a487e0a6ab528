#pragma once

#include "mbed.h"

namespace rtos {
class Thread {
 public:
  explicit Thread(osPriority_t) {}
  osStatus start(void (*)()) { return osOK; }
};
namespace ThisThread {
inline void sleep_for(std::chrono::milliseconds) {}
}  // namespace ThisThread
}  // namespace rtos
