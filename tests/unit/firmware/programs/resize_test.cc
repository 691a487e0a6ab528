// In: again and again the width, height and channels of a frame and, of columns and rows, the size of the result and the
// taps (7 u32); then both axes' tables (u16, u32), and the frame's pixels. Out: the frame resized.
#include "program.h"
#include "resize.h"

namespace {

constexpr size_t kMost = 1 << 20;
uint8_t frame[kMost], mixed[kMost], row[kMost / 64];
uint32_t sizes[7];

const uint8_t* frameRow(size_t y) { return frame + y * sizes[0] * sizes[2]; }

}  // namespace

int main() {
  Input in;
  static uint16_t first[2][1024];
  static uint32_t weights[2][kMost / 8];
  while (in.read(sizes, 7)) {
    const edgeforge::Axis axes[2] = {{sizes[3], sizes[4], first[0], weights[0]}, {sizes[5], sizes[6], first[1], weights[1]}};
    for (size_t i = 0; i < 2; ++i) {
      if (!in.read(first[i], axes[i].size) || !in.read(weights[i], axes[i].size * axes[i].taps)) return 1;
    }
    if (!in.read(frame, sizes[0] * sizes[1] * sizes[2])) return 2;
    edgeforge::Resize resize(axes[0], axes[1], sizes[2], frameRow, mixed);
    for (size_t y = 0; y < axes[1].size; ++y) {
      resize.next(row);
      put(row, axes[0].size * sizes[2]);
    }
  }
  return 0;
}
