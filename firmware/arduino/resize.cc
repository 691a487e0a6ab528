// Gray camera frames to the model's raw input: cropped to its shape in the middle, then averaged down.
#include "resize.h"

namespace edgeforge {

Box centered(Size frame, Size shape) {
  Box box = {0, 0, frame.width, frame.height};
  // Compares the sides' ratios without dividing.
  if (frame.width * shape.height > frame.height * shape.width) {
    box.width = frame.height * shape.width / shape.height;
    if (box.width == 0) box.width = 1;
  } else {
    box.height = frame.width * shape.height / shape.width;
    if (box.height == 0) box.height = 1;
  }
  box.left = (frame.width - box.width) / 2;
  box.top = (frame.height - box.height) / 2;
  return box;
}

uint8_t scaledPixel(const uint8_t* frame, size_t frameWidth, const Box& box, Size shape, size_t x, size_t y) {
  const size_t left = x * box.width / shape.width, top = y * box.height / shape.height;
  size_t right = (x + 1) * box.width / shape.width, bottom = (y + 1) * box.height / shape.height;
  if (right == left) ++right;
  if (bottom == top) ++bottom;
  uint32_t sum = 0;
  for (size_t row = top; row < bottom; ++row) {
    const uint8_t* pixels = frame + (box.top + row) * frameWidth + box.left;
    for (size_t column = left; column < right; ++column) sum += pixels[column];
  }
  const uint32_t count = static_cast<uint32_t>((right - left) * (bottom - top));
  return static_cast<uint8_t>((sum + count / 2) / count);
}

}  // namespace edgeforge
