// The model behind a few calls. No heap, no exceptions: everything lies in the arena or in static memory.
//
//   edgeforge::Classifier classifier;                  // one a sketch: the arena is static
//   edgeforge::Result results[edgeforge::kHeads];
//   edgeforge::RawType raw[edgeforge::kInputValues];   // height x width x channels, channels last
//
//   void setup() {
//     Serial.begin(edgeforge::kBaud);
//     while (!classifier.begin()) {                    // says what is wrong, and what to do
//       Serial.println(classifier.error());
//       delay(2000);
//     }
//   }
//   void loop() {
//     // … fill raw …
//     if (classifier.prepare(raw) && classifier.classify(results)) {
//       if (results[0].label != nullptr) Serial.println(results[0].label);   // a class
//       else Serial.println(results[0].value);                               // a value, or an error
//     } else {
//       Serial.println(classifier.error());
//     }
//   }
//
// Values that arrive one after another need no array of their own: start(), then add() until the input is whole.
// Nothing here is dangerous in the wrong order: before begin() has succeeded, and with an input that is not whole,
// calls return false and error() says why.
#pragma once

#include <cstddef>
#include <cstdint>

#include "results.h"
#include "settings.h"

namespace edgeforge {

class Classifier {
 public:
  // Loads the model. False when it cannot run here: error() then says what is wrong and what to do.
  bool begin();
  const char* error() const { return error_; }

  // Takes a whole raw input and turns it into the input tensor.
  bool prepare(const RawType (&raw)[kInputValues]) {
    start();
    return add(raw, kInputValues);
  }

  // The same in parts: start() begins an input, add() takes its next `count` values, in order, channels last. Every
  // input is given from its first value on, since the memory of the last one is used again while it runs.
  void start();
  bool add(const RawType* raw, size_t count);
  // As add(), of values that are normalised and quantized already.
  bool addPrepared(const InputType* values, size_t count);
  bool whole() const { return filled_ == kInputValues; }

  // Runs the model on the input, which must be whole; the next one begins after it, whatever comes of it.
  bool classify(Result (&results)[kHeads]);
  bool invoke();

  // Forgets what earlier inferences have left behind, which a model with a state keeps, as an LSTM does.
  bool reset();

  // The outputs, kOutputValues values, until the next input begins; null before the first invoke(). Several output
  // tensors follow each other.
  const OutputType* output() const { return output_; }

  // What has been prepared of the input, `kInputValues` at most; null before begin().
  const InputType* input() const { return input_; }

  // Of the last input: preparing it and Invoke, in microseconds.
  uint32_t micros() const { return micros_; }

  // What the model takes of kArenaBytes.
  size_t arenaUsed() const { return arenaUsed_; }

 private:
  bool fail(const char* error);
  bool takes(size_t count);

  InputType* input_ = nullptr;  // null: begin() has not succeeded
  const OutputType* output_ = nullptr;
  const char* error_ = "begin() has not been called.";
  size_t filled_ = 0;  // values of the input; more than kInputValues: too many were given
  size_t arenaUsed_ = 0;
  uint32_t preparing_ = 0;
  uint32_t micros_ = 0;
};

}  // namespace edgeforge
