// What the sketch uses of the library Arduino_OV767X 0.0.2, with its numbers.
#pragma once

enum { RGB565 = 2, GRAYSCALE = 4 };
enum { QQVGA = 4 };

class OV767X {
 public:
  int begin(int resolution, int format, int framesASecond);
  void readFrame(void* buffer);
};
extern OV767X Camera;
