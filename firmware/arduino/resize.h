// Camera frames resized to the model's raw input, to the very bytes that the training images were resized to: the
// desk's tables say which pixels of the frame make one, and with what weights. Integers only, a few rows at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeforge {

// One side of a frame: pixel i of the result is the sum of weights[i * taps + t] times the frame's first[i] + t.
struct Axis {
  size_t size;  // of the result
  size_t taps;
  const uint16_t* first;
  const uint32_t* weights;  // with 22 bits of fraction
};

// The pixels of a row of the frame, channels last.
using FrameRow = const uint8_t* (*)(size_t y);

// Resizes one frame, row by row from the top. Columns are mixed before rows, each rounded to 8 bits.
class Resize {
 public:
  // mixed: rows.taps * columns.size * channels bytes, where rows wait in which the columns are mixed already.
  Resize(const Axis& columns, const Axis& rows, size_t channels, FrameRow frame, uint8_t* mixed)
      : columns_(columns), rows_(rows), channels_(channels), frame_(frame), mixed_(mixed) {}

  // Writes the next row of the result, columns.size * channels bytes.
  void next(uint8_t* row);

 private:
  uint8_t* mixed(size_t y) const { return mixed_ + y % rows_.taps * columns_.size * channels_; }
  void mixColumns(size_t y) const;

  const Axis& columns_;
  const Axis& rows_;
  size_t channels_;
  FrameRow frame_;
  uint8_t* mixed_;
  size_t row_ = 0;  // of the result
  size_t end_ = 0;  // rows of the frame before it are mixed, or are not needed
};

}  // namespace edgeforge
