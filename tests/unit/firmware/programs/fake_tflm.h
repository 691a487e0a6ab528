// As much of TFLM as classifier.cc asks for, so that the project's own classifier.cc runs in tests without a library:
// an interpreter that answers test vectors. As TFLM does, it puts the output where the input was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

struct FakeModel {
  const void* flatbuffer;
  size_t inputBytes, outputBytes, count;
  const void* inputs[8];
  const void* outputs[8];
};
extern FakeModel fakeModels[2];

// Lets the interpreter answer a project's own test vectors; `place`: 0, or 1 for a second model.
template <typename Vectors>
void answers(size_t place, const void* flatbuffer, const Vectors& vectors, size_t inputBytes, size_t outputBytes) {
  FakeModel& model = fakeModels[place];
  model = {flatbuffer, inputBytes, outputBytes, 0, {}, {}};
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
    output_ = {model_->outputBytes, arena_};
    return kTfLiteOk;
  }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t) { return &output_; }
  template <typename T>
  T* typed_input_tensor(int) {
    return static_cast<T*>(input_.data);
  }
  template <typename T>
  T* typed_output_tensor(int) {
    return static_cast<T*>(output_.data);
  }
  TfLiteStatus Invoke() {
    const void* found = nullptr;
    for (size_t i = 0; i < model_->count; ++i) {
      if (memcmp(model_->inputs[i], arena_, model_->inputBytes) == 0) found = model_->outputs[i];
    }
    memset(arena_, 0xAA, model_->inputBytes);
    if (fake.failsToRun || found == nullptr) return kTfLiteError;
    memcpy(arena_, found, model_->outputBytes);
    arena_[model_->outputBytes / 2] = static_cast<uint8_t>(arena_[model_->outputBytes / 2] + fake.shift);
    return kTfLiteOk;
  }
  size_t arena_used_bytes() const { return 1234; }

 private:
  uint8_t* arena_;
  size_t bytes_;
  const FakeModel* model_ = nullptr;
  TfLiteTensor input_ = {}, output_ = {};
};

}  // namespace tflite
