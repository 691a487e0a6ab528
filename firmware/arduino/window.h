// The last samples of a sensor: a window of kWidth of them, every kStride samples.
#pragma once

#include <atomic>

#include "classifier.h"
#include "sample.h"

namespace edgeforge {

// A sample, and what became of those before it.
struct Sample {
  RawType values[kChannels];
  uint32_t place;       // its period since the start: the first sample's is 0
  uint32_t lateMicros;  // from when it was due until it was read
};

class Window {
 public:
  // Takes one sample, ready for the model at once; true when a window is due. The newest stands in for up to kMostHeld
  // samples that were lost before it; where more were, the window begins anew.
  bool add(const Sample& sample);

  // Gives the classifier the window, oldest sample first.
  bool give(Classifier& classifier) const;

  // Forgets all samples.
  void clear() { held_ = 0; }

 private:
  void put(const InputType (&sample)[kChannels]);

  InputType ring_[kInputValues] = {};
  size_t next_ = 0;  // where the next sample goes
  size_t held_ = 0;  // samples since the last clear(), as far as they count
  uint32_t place_ = 0;  // of the newest sample
};

// Says when samples are due: every kPeriodMicros, counted from the first, so that no error adds up.
class SampleClock {
 public:
  // True when a sample is due now. *place: its period since the start; those that passed without a sample are left out.
  bool due(uint32_t micros, uint32_t* place, uint32_t* lateMicros);

 private:
  bool started_ = false;
  uint32_t next_ = 0;
  uint32_t place_ = 0;
};

// How regularly samples were taken since the last call of facts().
struct SamplingFacts {
  uint32_t samples = 0;
  uint32_t lost = 0;
  uint32_t largestMicros = 0;  // by which a sample was late
  uint32_t meanMicros = 0;
};

class SamplingRecord {
 public:
  void add(const Sample& sample);
  SamplingFacts facts();

 private:
  SamplingFacts facts_;
  uint64_t lateMicros_ = 0;
  uint32_t expected_ = 0;  // the place of the next sample, if none is lost
};

// Samples that wait while the model runs: one side puts, the other takes, and neither waits for the other.
class SampleQueue {
 public:
  // False when it is full: the sample is lost, and the place of the next one says so.
  bool put(const Sample& sample);
  bool take(Sample* sample);

 private:
  static constexpr uint32_t kPlaces = kWaiting + 1;
  Sample samples_[kPlaces];
  std::atomic<uint32_t> first_{0}, end_{0};
};

}  // namespace edgeforge
