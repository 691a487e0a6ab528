#include "window.h"

#include <cstring>

#include "preprocess.h"

namespace edgeforge {

void Window::put(const InputType (&sample)[kChannels]) {
  memcpy(ring_ + next_ * kChannels, sample, sizeof sample);
  next_ = next_ + 1 == kWidth ? 0 : next_ + 1;
  ++held_;
}

bool Window::add(const Sample& sample) {
  InputType ready[kChannels];
  prepare(sample.values, 0, kChannels, ready);
  uint32_t lost = sample.place - place_ - 1;
  place_ = sample.place;
  if (held_ == 0 || lost > kMostHeld) {
    clear();
    lost = 0;
  }
  const size_t before = held_;
  for (uint32_t i = 0; i <= lost; ++i) put(ready);
  if (before < kWidth && held_ >= kWidth) {
    held_ = kWidth;
    return true;
  }
  if (held_ < kWidth + kStride) return false;
  held_ -= kStride;
  return true;
}

bool Window::give(Classifier& classifier) const {
  classifier.start();
  const size_t oldest = next_ * kChannels;  // the ring is full: what is overwritten next
  return classifier.addPrepared(ring_ + oldest, kInputValues - oldest) && classifier.addPrepared(ring_, oldest);
}

bool SampleClock::due(uint32_t micros, uint32_t* place, uint32_t* lateMicros) {
  if (!started_) {
    started_ = true;
    next_ = micros;
  }
  const uint32_t late = micros - next_;
  if (late >= 0x80000000u) return false;  // it is still to come
  const uint32_t passed = late / kPeriodMicros;
  *place = place_ + passed;
  *lateMicros = late - passed * kPeriodMicros;
  place_ += passed + 1;
  next_ += (passed + 1) * kPeriodMicros;
  return true;
}

void SamplingRecord::add(const Sample& sample) {
  ++facts_.samples;
  facts_.lost += sample.place - expected_;
  expected_ = sample.place + 1;
  lateMicros_ += sample.lateMicros;
  if (sample.lateMicros > facts_.largestMicros) facts_.largestMicros = sample.lateMicros;
}

SamplingFacts SamplingRecord::facts() {
  SamplingFacts found = facts_;
  found.meanMicros = found.samples == 0 ? 0 : static_cast<uint32_t>(lateMicros_ / found.samples);
  facts_ = SamplingFacts();
  lateMicros_ = 0;
  return found;
}

bool SampleQueue::put(const Sample& sample) {
  const uint32_t end = end_.load(std::memory_order_relaxed);
  const uint32_t after = end + 1 == kPlaces ? 0 : end + 1;
  if (after == first_.load(std::memory_order_acquire)) return false;
  samples_[end] = sample;
  end_.store(after, std::memory_order_release);
  return true;
}

bool SampleQueue::take(Sample* sample) {
  const uint32_t first = first_.load(std::memory_order_relaxed);
  if (first == end_.load(std::memory_order_acquire)) return false;
  *sample = samples_[first];
  first_.store(first + 1 == kPlaces ? 0 : first + 1, std::memory_order_release);
  return true;
}

}  // namespace edgeforge
