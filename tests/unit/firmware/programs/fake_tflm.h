// As much of TFLM as classifier.cc asks for, so that the project's own classifier.cc runs in tests without a library:
// an interpreter that answers test vectors. As TFLM does, it puts the output where the input was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <new>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

struct TfLiteTensor {
  size_t bytes;
  void* data;
};

// What goes wrong in a test.
struct Fake {
  uint32_t schema = 3;
  bool refusesOperators = false;
  bool refusesTensors = false;
  bool failsToRun = false;
  bool ofAnotherModel = false;
  int shift = 0;  // steps that the output's middle is off
};
extern Fake fake;

constexpr size_t kMostOutputs = 4;

struct FakeModel {
  const void* flatbuffer;
  size_t inputBytes, outputBytes, count;
  const void* inputs[8];
  const void* outputs[8];
  size_t parts[kMostOutputs];  // of the output, a tensor each
  size_t tensors;
};
extern FakeModel fakeModels[2];

// Lets the interpreter answer a project's own test vectors; `place`: 0, or 1 for a second model. parts: bytes of each of
// several output tensors.
template <typename Vectors>
void answers(size_t place, const void* flatbuffer, const Vectors& vectors, size_t inputBytes, size_t outputBytes,
             std::initializer_list<size_t> parts = {}) {
  FakeModel& model = fakeModels[place];
  model = {flatbuffer, inputBytes, outputBytes, 0, {}, {}, {outputBytes}, 1};
  if (parts.size() > 0) model.tensors = 0;
  for (size_t bytes : parts) model.parts[model.tensors++] = bytes;
  for (const auto& vector : vectors) {
    model.inputs[model.count] = vector.input;
    model.outputs[model.count++] = vector.output;
  }
}

namespace tflite {

struct Model {
  uint32_t version() const { return fake.schema; }
};
inline const Model* GetModel(const void* bytes) { return static_cast<const Model*>(bytes); }

template <unsigned kCount>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddConv2D() { return status(); }
  TfLiteStatus AddFullyConnected() { return status(); }
  TfLiteStatus AddMaxPool2D() { return status(); }
  TfLiteStatus AddReshape() { return status(); }

 private:
  static TfLiteStatus status() { return fake.refusesOperators ? kTfLiteError : kTfLiteOk; }
};

class MicroInterpreter {
 public:
  template <typename Resolver>
  MicroInterpreter(const Model* model, const Resolver&, uint8_t* arena, size_t bytes) : arena_(arena), bytes_(bytes) {
    for (const FakeModel& one : fakeModels) {
      if (one.flatbuffer == model) model_ = &one;
    }
  }
  TfLiteStatus AllocateTensors() {
    if (fake.refusesTensors || model_ == nullptr || model_->inputBytes > bytes_) return kTfLiteError;
    input_ = {model_->inputBytes + fake.ofAnotherModel, arena_};
    uint8_t* next = arena_;  // with a gap after each, as TFLM aligns them
    for (size_t i = 0; i < model_->tensors; next += (model_->parts[i++] / 16 + 1) * 16) {
      outputs_[i] = {model_->parts[i], next};
    }
    return kTfLiteOk;
  }
  size_t outputs_size() const { return model_->tensors; }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t place) { return &outputs_[place]; }
  template <typename T>
  T* typed_input_tensor(int) {
    return static_cast<T*>(input_.data);
  }
  template <typename T>
  T* typed_output_tensor(int place) {
    return static_cast<T*>(outputs_[place].data);
  }
  TfLiteStatus Invoke() {
    const uint8_t* found = nullptr;
    for (size_t i = 0; i < model_->count; ++i) {
      if (memcmp(model_->inputs[i], arena_, model_->inputBytes) == 0) found = static_cast<const uint8_t*>(model_->outputs[i]);
    }
    memset(arena_, 0xAA, model_->inputBytes);
    if (fake.failsToRun || found == nullptr) return kTfLiteError;
    for (size_t i = 0; i < model_->tensors; found += model_->parts[i++]) {
      memcpy(outputs_[i].data, found, model_->parts[i]);
    }
    uint8_t* first = static_cast<uint8_t*>(outputs_[0].data);
    first[model_->parts[0] / 2] = static_cast<uint8_t>(first[model_->parts[0] / 2] + fake.shift);
    return kTfLiteOk;
  }
  size_t arena_used_bytes() const { return 1234; }

 private:
  uint8_t* arena_;
  size_t bytes_;
  const FakeModel* model_ = nullptr;
  TfLiteTensor input_ = {}, outputs_[kMostOutputs] = {};
};

}  // namespace tflite
