// The serial protocol between a host and the board, version 1.
#include "protocol.h"

#include <cstring>

namespace edgeforge {
namespace {

constexpr uint8_t kMagic0 = 0xE5;
constexpr uint8_t kMagic1 = 0xF0;

uint32_t read32(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 | static_cast<uint32_t>(bytes[2]) << 16 |
         static_cast<uint32_t>(bytes[3]) << 24;
}

void write32(uint8_t* bytes, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
}

size_t shortLength(const char* text) {
  const size_t length = strlen(text);
  return length < 255 ? length : 255;
}

}  // namespace

// Half a byte at a time: a table of 64 bytes instead of 1,024.
uint32_t crc32(uint32_t crc, const uint8_t* bytes, size_t count) {
  static const uint32_t kTable[16] = {
      0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
      0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
  };
  crc = ~crc;
  for (size_t i = 0; i < count; ++i) {
    crc = kTable[(crc ^ bytes[i]) & 15u] ^ (crc >> 4);
    crc = kTable[(crc ^ (bytes[i] >> 4)) & 15u] ^ (crc >> 4);
  }
  return ~crc;
}

void Protocol::poll() {
  uint8_t bytes[kChunkBytes];
  const size_t count = stream_.read(bytes, sizeof bytes);
  if (count > 0) {
    heard_ = stream_.millis();
  } else if (part_ != Part::kMagic && stream_.millis() - heard_ > kTimeoutMillis) {
    startFrame();
    error(ErrorCode::kTimeout, "The frame stopped short. Send it without a pause of a second.");
  }
  for (size_t i = 0; i < count; ++i) take(bytes[i]);
}

// How many bytes of this part belong together.
size_t Protocol::wanted() const {
  switch (part_) {
    case Part::kHeader:
      return kHeaderBytes;
    case Part::kPayload: {
      const uint32_t left = length_ - received_;
      return left < kChunkBytes ? left : kChunkBytes;
    }
    default:
      return 4;  // the CRC
  }
}

void Protocol::take(uint8_t byte) {
  if (part_ == Part::kMagic) {
    if (previous_ == kMagic0 && byte == kMagic1) {
      part_ = Part::kHeader;
      filled_ = 0;
    }
    previous_ = byte;
    return;
  }
  chunk_[filled_++] = byte;
  if (filled_ < wanted()) return;
  filled_ = 0;
  switch (part_) {
    case Part::kHeader:
      return header();
    case Part::kPayload:
      return chunk();
    default:
      return frame();
  }
}

// Goes back to looking for the magic.
void Protocol::startFrame() {
  part_ = Part::kMagic;
  previous_ = 0;
}

void Protocol::header() {
  crc_ = crc32(0, chunk_, kHeaderBytes);
  type_ = static_cast<Message>(chunk_[1]);
  length_ = read32(chunk_ + 2);
  received_ = 0;
  const uint8_t version = chunk_[0];
  startFrame();
  if (version != kProtocolVersion) {
    return error(ErrorCode::kWrongVersion, "This board speaks protocol version 1. Use the EdgeForge that built it.");
  }
  uint32_t right = 0;
  switch (type_) {
    case Message::kHello:
    case Message::kState:
    case Message::kSampling:
      right = 1;
      break;
    case Message::kSamples:
      right = length_ <= device_.sampleFacts().mostBytes ? length_ : device_.sampleFacts().mostBytes;
      break;
    case Message::kRaw:
      right = device_.facts().rawBytes;
      break;
    case Message::kTensor:
      right = device_.facts().inputBytes;
      break;
    case Message::kSelfTest:
      break;
    default:
      return error(ErrorCode::kUnknownType, "This board knows HELLO, RAW, TENSOR, SELF_TEST, STATE, SAMPLING and SAMPLES.");
  }
  if (length_ != right) {
    return error(ErrorCode::kWrongLength, "The payload has another length than HELLO's answer says.");
  }
  part_ = length_ > 0 ? Part::kPayload : Part::kCrc;
}

void Protocol::chunk() {
  const size_t count = wanted();
  crc_ = crc32(crc_, chunk_, count);
  if (received_ == 0) first_ = chunk_[0];
  if (type_ == Message::kRaw) device_.takeRaw(received_, chunk_, count);
  if (type_ == Message::kTensor) device_.takeTensor(received_, chunk_, count);
  if (type_ == Message::kSamples) device_.takeSamples(received_, chunk_, count);
  received_ += static_cast<uint32_t>(count);
  if (received_ == length_) part_ = Part::kCrc;
}

void Protocol::frame() {
  startFrame();
  if (read32(chunk_) != crc_) return error(ErrorCode::kBadCrc, "The frame arrived damaged. Send it again.");
  switch (type_) {
    case Message::kHello:
      return hello();
    case Message::kSelfTest:
      return selfTest();
    case Message::kState:
      return state();
    case Message::kSampling:
      return sampling();
    case Message::kSamples:
      return samples();
    default:
      return result();
  }
}

void Protocol::hello() {
  const DeviceFacts facts = device_.facts();
  const size_t name = shortLength(facts.name), library = shortLength(facts.library);
  begin(Message::kHelloAnswer, static_cast<uint32_t>(4 + 6 * 4 + 1 + name + 1 + library));
  put8(kProtocolVersion);
  put8(static_cast<uint8_t>(facts.input));
  put8(static_cast<uint8_t>(facts.output));
  put8(static_cast<uint8_t>(facts.raw));
  put32(facts.rawBytes);
  put32(facts.inputBytes);
  put32(facts.outputBytes);
  put32(facts.modelCrc32);
  put32(facts.arenaUsed);
  put32(facts.arenaBytes);
  put8(static_cast<uint8_t>(name));
  put(facts.name, name);
  put8(static_cast<uint8_t>(library));
  put(facts.library, library);
  end();
}

void Protocol::result() {
  uint32_t micros = 0;
  const uint8_t* output = device_.invoke(&micros);
  if (output == nullptr) return error(ErrorCode::kInvokeFailed, "Invoke failed: TFLM's line above says where.");
  const uint32_t count = device_.facts().outputBytes;
  begin(Message::kResult, 4 + count);
  put32(micros);
  put(output, count);
  end();
}

void Protocol::selfTest() {
  const Device::SelfTestAnswer answer = device_.selfTest();
  begin(Message::kSelfTestAnswer, 1 + 3 * 4);
  put8(answer.pass ? 1 : 0);
  put32(answer.images);
  put32(answer.largestStep);
  put32(answer.wrongInputs);
  end();
}

void Protocol::state() {
  if (!device_.keepState(first_ != 0)) return error(ErrorCode::kInvokeFailed, "The model cannot begin again.");
  begin(Message::kStateAnswer, 0);
  end();
}

void Protocol::sampling() {
  const SampleFacts facts = device_.sampleFacts();
  if (first_ > static_cast<uint8_t>(Sampling::kReplayed) || !device_.sampling(static_cast<Sampling>(first_))) {
    return error(ErrorCode::kInvokeFailed, "This sketch has no samples of that kind: see settings.h.");
  }
  const size_t axes = shortLength(facts.axes);
  begin(Message::kSamplingAnswer, static_cast<uint32_t>(2 + 2 * 4 + 1 + axes));
  put8(static_cast<uint8_t>(facts.type));
  put8(facts.channels);
  put32(facts.milliHertz);
  put32(facts.mostBytes);
  put8(static_cast<uint8_t>(axes));
  put(facts.axes, axes);
  end();
}

void Protocol::samples() {
  uint32_t inputs = 0, micros = 0;
  int32_t heard = -1;
  bool failed = false;
  const uint8_t* output = device_.judgeSamples(&inputs, &micros, &heard, &failed);
  if (failed) return error(ErrorCode::kInvokeFailed, "Invoke failed: TFLM's line above says where.");
  const uint32_t count = output == nullptr ? 0 : device_.facts().outputBytes;
  begin(Message::kSamplesAnswer, output == nullptr ? 4 : 12 + count);
  put32(inputs);
  if (output != nullptr) {
    put32(micros);
    put32(static_cast<uint32_t>(heard));
    put(output, count);
  }
  end();
}

void Protocol::send(const Streamed& streamed) {
  begin(Message::kStreamed, static_cast<uint32_t>(4 * 4 + streamed.bytes));
  put32(streamed.place);
  put32(streamed.lost);
  put32(streamed.meanMicros);
  put32(streamed.largestMicros);
  put(streamed.samples, streamed.bytes);
  end();
}

void Protocol::error(ErrorCode code, const char* text) {
  const size_t length = strlen(text);
  begin(Message::kError, static_cast<uint32_t>(1 + length));
  put8(static_cast<uint8_t>(code));
  put(text, length);
  end();
}

void Protocol::begin(Message type, uint32_t length) {
  const uint8_t magic[] = {kMagic0, kMagic1};
  stream_.write(magic, sizeof magic);
  sentCrc_ = 0;
  put8(kProtocolVersion);
  put8(static_cast<uint8_t>(type));
  put32(length);
}

void Protocol::put(const void* bytes, size_t count) {
  const uint8_t* first = static_cast<const uint8_t*>(bytes);
  sentCrc_ = crc32(sentCrc_, first, count);
  stream_.write(first, count);
}

void Protocol::put32(uint32_t value) {
  uint8_t bytes[4];
  write32(bytes, value);
  put(bytes, sizeof bytes);
}

void Protocol::end() {
  uint8_t bytes[4];
  write32(bytes, sentCrc_);
  stream_.write(bytes, sizeof bytes);
}

}  // namespace edgeforge
