// Gray camera frames to the model's raw input: cropped to its shape in the middle, then averaged down. Integers only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeforge {

struct Size {
  size_t width;
  size_t height;
};

// A rectangle of a frame.
struct Box {
  size_t left;
  size_t top;
  size_t width;
  size_t height;
};

// The largest box in the middle of `frame` with the sides' ratio of `shape`.
Box centered(Size frame, Size shape);

// The pixel (x, y) of `box` scaled to `shape`: the rounded mean of the frame's pixels that it covers, or the nearest
// one where the box has fewer pixels than the shape.
uint8_t scaledPixel(const uint8_t* frame, size_t frameWidth, const Box& box, Size shape, size_t x, size_t y);

}  // namespace edgeforge
