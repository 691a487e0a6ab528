// Runs a model once on an emulated core and prints the ticks of each operator: of scripts/measure_tflm_instructions.py.
#include <Arduino.h>
#include <stdio.h>
#include <stdlib.h>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {
// CMSDK APB timer 0 of QEMU's mps2 machines: counts down at 25 MHz, an instruction being a nanosecond.
volatile uint32_t& kControl = *reinterpret_cast<volatile uint32_t*>(0x40000000);
volatile uint32_t& kValue = *reinterpret_cast<volatile uint32_t*>(0x40000004);
volatile uint32_t& kReload = *reinterpret_cast<volatile uint32_t*>(0x40000008);

alignas(16) uint8_t arena[1 << 20];
alignas(16) uint8_t model[2 << 20];

class Ticks : public tflite::MicroProfilerInterface {
 public:
  uint32_t BeginEvent(const char* tag) override {
    if (count < kMost) tags[count] = tag;
    begun[count < kMost ? count : kMost - 1] = kValue;
    return count < kMost ? count++ : kMost - 1;
  }
  void EndEvent(uint32_t event) override { ended[event] = kValue; }
  static constexpr uint32_t kMost = 512;
  uint32_t count = 0;
  const char* tags[kMost];
  uint32_t begun[kMost], ended[kMost];
};
Ticks ticks;
}  // namespace

void setup() {
  kReload = 0xFFFFFFFF;
  kValue = 0xFFFFFFFF;
  kControl = 1;
  FILE* file = fopen("model.tflite", "rb");
  if (file == nullptr || fread(model, 1, sizeof model, file) == 0) exit(2);
  fclose(file);
  static tflite::MicroMutableOpResolver<30> resolver;
  resolver.AddAdd();
  resolver.AddAveragePool2D();
  resolver.AddCast();
  resolver.AddConcatenation();
  resolver.AddConv2D();
  resolver.AddDepthwiseConv2D();
  resolver.AddDequantize();
  resolver.AddFullyConnected();
  resolver.AddGather();
  resolver.AddHardSwish();
  resolver.AddLeakyRelu();
  resolver.AddLogistic();
  resolver.AddMaxPool2D();
  resolver.AddMean();
  resolver.AddMul();
  resolver.AddPad();
  resolver.AddPrelu();
  resolver.AddQuantize();
  resolver.AddRelu();
  resolver.AddRelu6();
  resolver.AddReshape();
  resolver.AddResizeBilinear();
  resolver.AddResizeNearestNeighbor();
  resolver.AddSoftmax();
  resolver.AddSplit();
  resolver.AddStridedSlice();
  resolver.AddSub();
  resolver.AddTanh();
  resolver.AddTranspose();
  resolver.AddTransposeConv();
  static tflite::MicroInterpreter interpreter(tflite::GetModel(model), resolver, arena, sizeof arena, nullptr, &ticks);
  if (interpreter.AllocateTensors() != kTfLiteOk) exit(3);
  for (size_t n = 0; n < interpreter.inputs_size(); ++n) {
    TfLiteTensor* input = interpreter.input(n);
    for (size_t byte = 0; byte < input->bytes; ++byte) input->data.uint8[byte] = static_cast<uint8_t>(37 * byte);
  }
  ticks.count = 0;
  const uint32_t before = kValue;
  if (interpreter.Invoke() != kTfLiteOk) exit(4);
  const uint32_t after = kValue;
  for (uint32_t n = 0; n < ticks.count; ++n)
    printf("%s %lu\n", ticks.tags[n], static_cast<unsigned long>(ticks.begun[n] - ticks.ended[n]));
  printf("Invoke %lu\n", static_cast<unsigned long>(before - after));
  fflush(stdout);
  exit(0);
}

void loop() {}
