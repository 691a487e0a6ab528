// In: again and again an int32 sum, how many values it is of (i32), both scales (f32), both zero points (i32).
// Out: the mean (i32), in 32-bit floats and in the order in which TFLM of 2023 computes it.
#include <cmath>

#include "program.h"

namespace {

// Not inlined, so that nothing is computed by the compiler itself.
__attribute__((noinline)) float mean(int32_t sum, int32_t count, float scale, float bias) {
  const float mean = static_cast<float>(sum) / static_cast<float>(count);
  return std::round(mean * scale + bias);
}

}  // namespace

int main() {
  Input in;
  int32_t sums[2], zeros[2];
  float scales[2];
  while (in.read(sums, 2) && in.read(scales, 2) && in.read(zeros, 2)) {
    const float scale = scales[0] / scales[1], bias = static_cast<float>(-zeros[0]) * scale;
    float result = mean(sums[0], sums[1], scale, bias) + static_cast<float>(zeros[1]);
    if (result > 127) result = 127;
    if (result < -128) result = -128;
    const int32_t found = static_cast<int32_t>(result);
    put(&found, 1);
  }
  return 0;
}
