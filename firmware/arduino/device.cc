// The model as the serial protocol sees it.
#include "device.h"

#include <cstring>

#include "model.h"
#include "selftest.h"
#include "settings.h"
#include "test_vectors.h"

namespace edgeforge {
namespace {

// A record of several inputs.
template <typename T>
struct TypeOf {
  static constexpr DataType value = DataType::kRecord;
};
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
struct TypeOf<int32_t> {
  static constexpr DataType value = DataType::kInt32;
};
template <>
struct TypeOf<float> {
  static constexpr DataType value = DataType::kFloat32;
};

// Where a record is gathered, which is longer than the protocol's chunks.
alignas(8) uint8_t gathered[sizeof(RawType) > sizeof(InputType) ? sizeof(RawType) : sizeof(InputType)];

// Whole values of what has arrived. The protocol's chunks are aligned and hold whole values; they come in order, and a
// frame that breaks off is followed by one that begins at 0.
template <typename T, bool kRecord = TypeOf<T>::value == DataType::kRecord>
struct Arrived {
  static const T* values(size_t, const uint8_t* bytes, size_t count, size_t* whole) {
    *whole = count / sizeof(T);
    return reinterpret_cast<const T*>(bytes);
  }
};
template <typename T>
struct Arrived<T, true> {
  static const T* values(size_t offset, const uint8_t* bytes, size_t count, size_t* whole) {
    memcpy(gathered + offset, bytes, count);
    *whole = (offset + count) / sizeof(T);
    return reinterpret_cast<const T*>(gathered);
  }
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

void ModelDevice::takeRaw(size_t offset, const uint8_t* bytes, size_t count) {
  if (offset == 0) classifier_.start();
  size_t whole = 0;
  const RawType* values = Arrived<RawType>::values(offset, bytes, count, &whole);
  classifier_.add(values, whole);
}

void ModelDevice::takeTensor(size_t offset, const uint8_t* bytes, size_t count) {
  if (offset == 0) classifier_.start();
  size_t whole = 0;
  const InputType* values = Arrived<InputType>::values(offset, bytes, count, &whole);
  classifier_.addPrepared(values, whole);
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
