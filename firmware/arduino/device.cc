// The model as the serial protocol sees it.
#include "device.h"

#include "model.h"
#include "selftest.h"
#include "settings.h"
#include "test_vectors.h"

namespace edgeforge {
namespace {

template <typename T>
struct TypeOf;
template <>
struct TypeOf<int8_t> {
  static constexpr DataType value = DataType::kInt8;
};
template <>
struct TypeOf<uint8_t> {
  static constexpr DataType value = DataType::kUint8;
};
template <>
struct TypeOf<int16_t> {
  static constexpr DataType value = DataType::kInt16;
};
template <>
struct TypeOf<float> {
  static constexpr DataType value = DataType::kFloat32;
};

}  // namespace

DeviceFacts ModelDevice::facts() {
  DeviceFacts facts;
  facts.input = TypeOf<InputType>::value;
  facts.output = TypeOf<OutputType>::value;
  facts.raw = TypeOf<RawType>::value;
  facts.rawBytes = kInputValues * sizeof(RawType);
  facts.inputBytes = kInputValues * sizeof(InputType);
  facts.outputBytes = kOutputValues * sizeof(OutputType);
  facts.modelCrc32 = kModelCrc32;
  facts.arenaUsed = static_cast<uint32_t>(classifier_.arenaUsed());
  facts.arenaBytes = kArenaBytes;
  facts.name = kName;
  facts.library = kLibrary;
  return facts;
}

// The protocol's chunks are aligned and hold whole values; they come in order, and a frame that breaks off is followed
// by one that begins at 0.
void ModelDevice::takeRaw(size_t offset, const uint8_t* bytes, size_t count) {
  if (offset == 0) classifier_.start();
  classifier_.add(reinterpret_cast<const RawType*>(bytes), count / sizeof(RawType));
}

void ModelDevice::takeTensor(size_t offset, const uint8_t* bytes, size_t count) {
  if (offset == 0) classifier_.start();
  classifier_.addPrepared(reinterpret_cast<const InputType*>(bytes), count / sizeof(InputType));
}

bool ModelDevice::keepState(bool keep) {
  keeps_ = keep;
  return classifier_.reset();
}

const uint8_t* ModelDevice::invoke(uint32_t* micros) {
  if (!keeps_ && !classifier_.reset()) return nullptr;
  if (!classifier_.invoke()) return nullptr;
  *micros = classifier_.micros();
  return reinterpret_cast<const uint8_t*>(classifier_.output());
}

Device::SelfTestAnswer ModelDevice::selfTest() {
  const SelfTest test = runSelfTest(classifier_, kTestVector, kTestVectors);
  return {test.pass(), test.images, test.largestStep, test.wrongInputs};
}

}  // namespace edgeforge
