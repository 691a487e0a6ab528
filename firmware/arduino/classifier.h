// The model on TensorFlow Lite Micro. No heap, no exceptions: everything lies in the arena or in static memory.
//
//   edgeforge::Classifier classifier;
//   if (!classifier.begin()) Serial.println(classifier.error());
//   classifier.prepare(raw, 0, edgeforge::kInputValues);   // or in parts, as the values arrive
//   edgeforge::Result results[edgeforge::kHeads];
//   if (classifier.classify(results)) Serial.println(results[0].label);
#pragma once

#include <cstddef>
#include <cstdint>

#include "heads.h"
#include "settings.h"

namespace edgeforge {

// What one head says of the last input.
struct Result {
  const char* head;
  const char* label;  // the class; nullptr where the head gives a value
  float score;        // of the class: its probability by softmax, 0 to 1
  float value;        // of a value head, in `unit`
  const char* unit;
  uint32_t micros;  // preparing the input and Invoke, in microseconds
};

class Classifier {
 public:
  // Loads the model. False when it cannot run here: error() then says what is wrong and what to do.
  bool begin();
  const char* error() const { return error_; }

  // Turns raw values into the input tensor from place `first` on.
  void prepare(const RawType* raw, size_t first, size_t count);

  // The input tensor itself, kInputValues ready values; write it anew before each invoke().
  InputType* input() { return input_; }

  // Runs the model on what was prepared; false and error() when TFLM gives up.
  bool invoke();
  bool classify(Result (&results)[kHeads]);

  // The output vector, kOutputValues values, until the next invoke().
  const OutputType* output() const { return output_; }

  // Of the last input: preparing it and Invoke, in microseconds.
  uint32_t micros() const { return micros_; }

  // What TFLM has taken of kArenaBytes.
  size_t arenaUsed() const { return arenaUsed_; }

 private:
  bool fail(const char* error);

  InputType* input_ = nullptr;
  const OutputType* output_ = nullptr;
  const char* error_ = "";
  size_t arenaUsed_ = 0;
  uint32_t preparing_ = 0;
  uint32_t micros_ = 0;
};

// Reads one head out of an output vector. Part of classify().
Result readHead(const Head& head, const OutputType* output);

}  // namespace edgeforge
