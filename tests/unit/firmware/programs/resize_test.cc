// In: again and again the sizes of a gray frame and of a shape (4 u32: widths and heights), and the frame's pixels.
// Out: the frame cropped and scaled to the shape.
#include "program.h"
#include "resize.h"

int main() {
  Input in;
  static uint8_t frame[160 * 120];
  uint32_t sizes[4];
  while (in.read(sizes, 4)) {
    const edgeforge::Size size = {sizes[0], sizes[1]}, shape = {sizes[2], sizes[3]};
    if (!in.read(frame, size.width * size.height)) return 1;
    const edgeforge::Box box = edgeforge::centered(size, shape);
    for (size_t y = 0; y < shape.height; ++y) {
      for (size_t x = 0; x < shape.width; ++x) {
        const uint8_t pixel = edgeforge::scaledPixel(frame, size.width, box, shape, x, y);
        put(&pixel, 1);
      }
    }
  }
  return 0;
}
