// Arduino's functions on a desk and in QEMU, and the main() that calls setup() and loop() until the input ends. With
// EDGEFORGE_UART Serial is the emulated board's own serial port, which QEMU puts on a pseudo-terminal, and never ends.
#include "Arduino.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef __arm__

namespace {
// ARMv7-M Architecture Reference Manual, B3.3: the system timer, at the 25 MHz of QEMU's mps2-an386.
volatile uint32_t& kControl = *reinterpret_cast<volatile uint32_t*>(0xE000E010);
volatile uint32_t& kReload = *reinterpret_cast<volatile uint32_t*>(0xE000E014);
volatile uint32_t& kValue = *reinterpret_cast<volatile uint32_t*>(0xE000E018);
constexpr uint32_t kTicksAMillisecond = 25000;

volatile uint32_t milliseconds = 0;
#ifdef EDGEFORGE_UART
// Arm CMSDK TRM (DDI 0479), 4.3.3: the first UART, where mps2-an386 has it.
volatile uint32_t* const kUart = reinterpret_cast<volatile uint32_t*>(0x40004000);  // data, state, control, -, divider
constexpr uint32_t kFull = 1, kArrived = 2;
#else
FILE* input = nullptr;
#endif

void start() {
  kReload = kTicksAMillisecond - 1;
  kValue = 0;
  kControl = 7;  // processor clock, interrupt, on
#ifdef EDGEFORGE_UART
  kUart[4] = 16;
  kUart[2] = 3;  // sends and receives
#else
  input = fopen("input.bin", "rb");
#endif
}

#ifdef EDGEFORGE_UART
size_t receive(uint8_t* bytes, size_t most) {
  size_t got = 0;
  while (got < most && (kUart[1] & kArrived)) bytes[got++] = static_cast<uint8_t>(kUart[0]);
  return got;
}
#else
// Without waiting: a file is always there.
size_t receive(uint8_t* bytes, size_t most) { return input == nullptr ? 0 : fread(bytes, 1, most, input); }
#endif
}  // namespace

extern "C" void SysTick_Handler() { milliseconds = milliseconds + 1; }

unsigned long millis() { return milliseconds; }

unsigned long micros() {
  for (;;) {
    const uint32_t before = milliseconds;
    const uint32_t left = kValue;
    if (before == milliseconds) return before * 1000 + (kTicksAMillisecond - 1 - left) / 25;
  }
}

#else

#include <poll.h>
#include <time.h>
#include <unistd.h>

namespace {
void start() {}

size_t receive(uint8_t* bytes, size_t most) {
  const ssize_t count = read(0, bytes, most);
  return count > 0 ? static_cast<size_t>(count) : 0;
}

bool waiting() {
  pollfd line = {0, POLLIN, 0};
  return poll(&line, 1, 0) > 0;
}

unsigned long since(unsigned long unit) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<unsigned long>(now.tv_sec) * unit + static_cast<unsigned long>(now.tv_nsec) / (1000000000 / unit);
}
}  // namespace

// 32 bits, as on a board.
unsigned long millis() { return static_cast<uint32_t>(since(1000)); }
unsigned long micros() { return static_cast<uint32_t>(since(1000000)); }

#endif

namespace {
uint8_t received[256];
size_t count = 0, place = 0;
bool ended = false;
}  // namespace

HardwareSerial Serial;

int HardwareSerial::available() {
  if (place < count) return static_cast<int>(count - place);
  if (ended) return 0;
#ifndef __arm__
  if (!waiting()) return 0;
#endif
  count = receive(received, sizeof received);
  place = 0;
#ifndef EDGEFORGE_UART
  ended = count == 0;
#endif
  return static_cast<int>(count);
}

int HardwareSerial::read() { return available() > 0 ? received[place++] : -1; }

size_t HardwareSerial::write(const uint8_t* bytes, size_t size) {
#ifdef EDGEFORGE_UART
  for (size_t i = 0; i < size; ++i) {
    while (kUart[1] & kFull) {
    }
    kUart[0] = bytes[i];
  }
  return size;
#else
  const size_t written = fwrite(bytes, 1, size, stdout);
  fflush(stdout);
  return written;
#endif
}

size_t HardwareSerial::print(long value) {
  char text[24];
  snprintf(text, sizeof text, "%ld", value);
  return print(text);
}

size_t HardwareSerial::print(unsigned long value) {
  char text[24];
  snprintf(text, sizeof text, "%lu", value);
  return print(text);
}

size_t HardwareSerial::print(double value, int digits) {
  char text[48];
  snprintf(text, sizeof text, "%.*f", digits, value);
  return print(text);
}

void delayMicroseconds(unsigned int microseconds) {
  const uint32_t begun = micros();
  while (static_cast<uint32_t>(micros()) - begun < microseconds) {
  }
}

// A sketch that halts says why again and again: once is enough when nobody sends anything any more.
void delay(unsigned long) {
  if (Serial.available() == 0 && ended) exit(1);
  delayMicroseconds(1000);
}

int main() {
  start();
  setup();
  while (!ended) loop();
  return 0;
}
