#include "window.h"

#include "preprocess.h"

namespace edgeforge {

bool Window::add(const RawType (&sample)[kChannels]) {
  prepare(sample, 0, kChannels, ring_ + next_ * kChannels);
  next_ = next_ + 1 == kWidth ? 0 : next_ + 1;
  if (++held_ < kWidth) return false;
  if (held_ == kWidth) return true;
  if (held_ < kWidth + kStride) return false;
  held_ = kWidth;
  return true;
}

bool Window::give(Classifier& classifier) const {
  classifier.start();
  const size_t oldest = next_ * kChannels;  // the ring is full: what is overwritten next
  return classifier.addPrepared(ring_ + oldest, kInputValues - oldest) && classifier.addPrepared(ring_, oldest);
}

bool SampleClock::due(uint32_t micros, bool* missed) {
  *missed = false;
  if (!started_) {
    started_ = true;
    next_ = micros;
  }
  const uint32_t late = micros - next_;
  if (late >= 0x80000000u) return false;  // it is still to come
  if (late >= kPeriodMicros) {
    *missed = true;
    ++facts_.missed;
    next_ = micros;
  }
  const uint32_t by = micros - next_;
  lateMicros_ += by;
  if (by > facts_.largestMicros) facts_.largestMicros = by;
  ++facts_.samples;
  next_ += kPeriodMicros;
  return true;
}

SamplingFacts SampleClock::facts() {
  SamplingFacts found = facts_;
  found.meanMicros = found.samples == 0 ? 0 : static_cast<uint32_t>(lateMicros_ / found.samples);
  facts_ = SamplingFacts();
  lateMicros_ = 0;
  return found;
}

}  // namespace edgeforge
