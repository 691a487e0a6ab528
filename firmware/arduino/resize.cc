// Camera frames resized to the model's raw input.
#include "resize.h"

namespace edgeforge {
namespace {

constexpr uint32_t kFractionBits = 22;
constexpr uint32_t kHalf = 1u << (kFractionBits - 1);

// Weights of a pixel add up to one, so no sum leaves 32 bits.
uint8_t rounded(uint32_t sum) { return static_cast<uint8_t>(sum >> kFractionBits); }

}  // namespace

void Resize::mixColumns(size_t y) const {
  const uint8_t* pixels = frame_(y);
  uint8_t* mixed = this->mixed(y);
  const uint32_t* weights = columns_.weights;
  for (size_t x = 0; x < columns_.size; ++x, weights += columns_.taps) {
    for (size_t c = 0; c < channels_; ++c) {
      const uint8_t* pixel = pixels + columns_.first[x] * channels_ + c;
      uint32_t sum = kHalf;
      for (size_t t = 0; t < columns_.taps; ++t, pixel += channels_) sum += weights[t] * *pixel;
      *mixed++ = rounded(sum);
    }
  }
}

void Resize::next(uint8_t* row) {
  const size_t first = rows_.first[row_];
  const uint32_t* weights = rows_.weights + row_ * rows_.taps;
  if (end_ < first) end_ = first;
  for (; end_ < first + rows_.taps; ++end_) mixColumns(end_);
  for (size_t i = 0; i < columns_.size * channels_; ++i) {
    uint32_t sum = kHalf;
    for (size_t t = 0; t < rows_.taps; ++t) sum += weights[t] * mixed(first + t)[i];
    row[i] = rounded(sum);
  }
  ++row_;
}

}  // namespace edgeforge
