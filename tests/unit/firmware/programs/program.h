// What the test programs share: input.bin, which pytest wrote, in; standard output, which pytest compares, out.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

class Input {
 public:
  Input() : file_(fopen("input.bin", "rb")) {
    if (file_ == nullptr) exit(3);
  }

  // Reads `count` values; false at the end of the file.
  template <typename T>
  bool read(T* values, size_t count) {
    return fread(values, sizeof(T), count, file_) == count;
  }

  template <typename T>
  T value() {
    T result;
    if (!read(&result, 1)) exit(4);
    return result;
  }

 private:
  FILE* file_;
};

template <typename T>
void put(const T* values, size_t count) {
  if (fwrite(values, sizeof(T), count, stdout) != count) exit(5);
}
