// The last samples of a sensor: a window of kWidth of them, every kStride samples.
#pragma once

#include "classifier.h"
#include "sample.h"

namespace edgeforge {

class Window {
 public:
  // Takes one sample, kChannels raw values, ready for the model at once; true when a window is due.
  bool add(const RawType (&sample)[kChannels]);

  // Gives the classifier the window, oldest sample first.
  bool give(Classifier& classifier) const;

  // Begins anew, as after samples were missed: no window is of two stretches.
  void clear() { held_ = 0; }

 private:
  InputType ring_[kInputValues] = {};
  size_t next_ = 0;  // where the next sample goes
  size_t held_ = 0;  // samples since the last clear(), kWidth and a stride at most
};

// How regularly samples were taken since the last call of facts().
struct SamplingFacts {
  uint32_t samples = 0;
  uint32_t missed = 0;         // times that samples were missed, and the window begun anew
  uint32_t largestMicros = 0;  // by which a sample was late
  uint32_t meanMicros = 0;
};

// Says when samples are due: every kPeriodMicros, counted from the first, so that no error adds up.
class SampleClock {
 public:
  // True when a sample is due now. missed: set when one or more before it are lost.
  bool due(uint32_t micros, bool* missed);
  SamplingFacts facts();

 private:
  bool started_ = false;
  uint32_t next_ = 0;
  uint64_t lateMicros_ = 0;
  SamplingFacts facts_;
};

}  // namespace edgeforge
