// As much of Arduino as a sketch of EdgeForge and a TFLM library ask for, on a desk and in QEMU, so that the whole
// project runs before a board is there. Serial reads standard input (in QEMU the file input.bin), writes standard output.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

unsigned long millis();
unsigned long micros();
void delay(unsigned long milliseconds);
void delayMicroseconds(unsigned int microseconds);

class HardwareSerial {
 public:
  void begin(unsigned long) {}
  explicit operator bool() const { return true; }
  bool operator!() const { return false; }
  int available();
  int read();
  size_t write(const uint8_t* bytes, size_t count);

  size_t print(const char* text) { return write(reinterpret_cast<const uint8_t*>(text), strlen(text)); }
  size_t print(char value) { return write(reinterpret_cast<const uint8_t*>(&value), 1); }
  size_t print(int value) { return print(static_cast<long>(value)); }
  size_t print(unsigned int value) { return print(static_cast<unsigned long>(value)); }
  size_t print(long value);
  size_t print(unsigned long value);
  size_t print(double value, int digits = 2);

  size_t println() { return print("\r\n"); }
  template <typename T>
  size_t println(T value) {
    return print(value) + println();
  }
};

extern HardwareSerial Serial;

void setup();
void loop();

// TFLM's Arduino libraries bring a line reader that is built on this one; no sketch of EdgeForge uses it.
namespace arduino {
template <int N>
class RingBufferN {
 public:
  void clear() { head_ = 0; }
  void store_char(uint8_t c) {
    if (head_ < N) _aucBuffer[head_++] = c;
  }
  int available() const { return head_; }
  int availableForStore() const { return N - head_; }
  uint8_t _aucBuffer[N];

 private:
  int head_ = 0;
};
}  // namespace arduino
using namespace arduino;
