// The serial protocol between a host and the board, version 1. Knows neither Arduino nor TFLM.
//
// Frame, little-endian: magic 0xE5 0xF0 | version u8 | type u8 | length u32 | payload | crc32 u32, which is zlib's over
// version to payload. Text may stand between frames. A payload goes straight to the model, 64 bytes at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgeforge {

constexpr uint8_t kProtocolVersion = 1;

enum class Message : uint8_t {
  // From the host.
  kHello = 0x01,     // u8: its protocol version
  kRaw = 0x02,       // one raw input
  kTensor = 0x03,    // one ready input tensor
  kSelfTest = 0x04,  // empty
  kState = 0x05,     // u8: 1 if inputs follow each other from now on, 0 if each is alone
  kSampling = 0x06,  // u8: who has the sensor's samples, see Sampling
  kSamples = 0x07,   // samples in the place of the sensor's, at most a window's
  // From the board: the answers to these.
  kHelloAnswer = 0x81,
  kResult = 0x82,  // u32 microseconds, then the output tensor
  kSelfTestAnswer = 0x84,
  kStateAnswer = 0x85,  // empty
  kSamplingAnswer = 0x86,  // what a sample is: see sampleFacts()
  // u32 inputs that they completed; if the last of them did: u32 microseconds, i32 the class that is detected, output tensor
  kSamplesAnswer = 0x87,
  kStreamed = 0x88,  // unasked: u32 place of the first sample, u32 lost so far, u32 microseconds late, at most, then samples
  kError = 0xFF,  // u8 code, then text
};

enum class ErrorCode : uint8_t {
  kBadCrc = 1,
  kWrongLength = 2,
  kUnknownType = 3,
  kWrongVersion = 4,
  kInvokeFailed = 5,
  kTimeout = 6,
};

enum class Sampling : uint8_t {
  kJudged = 0,    // the board, for its inputs
  kStreamed = 1,  // the host: the board sends them and judges none
  kReplayed = 2,  // nobody: the host sends samples, from the first of a recording on
};

// A record has several inputs, one after the other, each from a multiple of eight bytes on.
enum class DataType : uint8_t { kInt8 = 0, kUint8 = 1, kInt16 = 2, kFloat32 = 3, kInt32 = 4, kRecord = 5 };

// CRC-32 as zlib computes it; start with 0, or go on with what an earlier part gave.
uint32_t crc32(uint32_t crc, const uint8_t* bytes, size_t count);

// A serial line.
class ByteStream {
 public:
  // Reads what has arrived, at most `most` bytes, without waiting.
  virtual size_t read(uint8_t* bytes, size_t most) = 0;
  virtual void write(const uint8_t* bytes, size_t count) = 0;
  virtual uint32_t millis() = 0;

 protected:
  ~ByteStream() = default;
};

// What HELLO tells of a device.
struct DeviceFacts {
  DataType input;
  DataType output;
  DataType raw;
  uint32_t rawBytes;
  uint32_t inputBytes;
  uint32_t outputBytes;
  uint32_t modelCrc32;
  uint32_t arenaUsed;
  uint32_t arenaBytes;
  const char* name;     // both at most 255 bytes of UTF-8
  const char* library;  // name and version
};

// What a sample is. channels: 0 of a device that takes none.
struct SampleFacts {
  DataType type;
  uint8_t channels;
  uint32_t milliHertz;
  uint32_t mostBytes;  // of samples that the host sends at a time
  const char* axes;    // with commas between, at most 255 bytes of UTF-8
};

// What the board sends of its own samples.
struct Streamed {
  uint32_t place;  // of the first sample, since the start
  uint32_t lost;   // since the start
  uint32_t meanMicros, largestMicros;  // by which samples were late
  const void* samples;
  size_t bytes;
};

// What the protocol asks of a model.
class Device {
 public:
  virtual DeviceFacts facts() = 0;
  // Take `count` bytes of a raw input or of an input tensor, from byte `offset` on; aligned for every type.
  virtual void takeRaw(size_t offset, const uint8_t* bytes, size_t count) = 0;
  virtual void takeTensor(size_t offset, const uint8_t* bytes, size_t count) = 0;
  // Forgets what earlier inputs have left behind; false when it fails. keep: none forgets it from now on; else each does,
  // as it is at first.
  virtual bool keepState(bool keep) = 0;
  // Runs the model on what was taken. `output` gets its tensor's bytes; null when it fails.
  virtual const uint8_t* invoke(uint32_t* micros) = 0;

  struct SelfTestAnswer {
    bool pass;
    uint32_t images;
    uint32_t largestStep;
    uint32_t wrongInputs;
  };
  virtual SelfTestAnswer selfTest() = 0;

  virtual SampleFacts sampleFacts() { return {DataType::kFloat32, 0, 0, 0, ""}; }
  // False where the board cannot do it. Replayed samples begin a recording.
  virtual bool sampling(Sampling) { return false; }
  virtual void takeSamples(size_t, const uint8_t*, size_t) {}
  // What the samples taken since the last call came to. *inputs: how many they completed. `output` gets the tensor's bytes
  // where the last sample completed one; null where it did not, or when the model fails: *failed. *heard: the class that
  // is detected, -1 where none is.
  virtual const uint8_t* judgeSamples(uint32_t*, uint32_t*, int32_t*, bool*) { return nullptr; }

 protected:
  ~Device() = default;
};

class Protocol {
 public:
  Protocol(ByteStream& stream, Device& device) : stream_(stream), device_(device) {}

  // Reads what has arrived and answers a frame when it is whole. Call it again and again; it never waits.
  void poll();

  // Sends samples that nobody has asked for.
  void send(const Streamed& streamed);

  // Since the last byte came.
  uint32_t silentMillis() { return stream_.millis() - heard_; }

 private:
  // What the reader is in the middle of.
  enum class Part : uint8_t { kMagic, kHeader, kPayload, kCrc };

  static constexpr size_t kHeaderBytes = 6;
  static constexpr size_t kChunkBytes = 64;  // a multiple of every type's size
  static constexpr uint32_t kTimeoutMillis = 1000;

  size_t wanted() const;
  void take(uint8_t byte);
  void startFrame();
  void header();
  void chunk();
  void frame();

  void hello();
  void result();
  void selfTest();
  void state();
  void sampling();
  void samples();
  void error(ErrorCode code, const char* text);

  void begin(Message type, uint32_t length);
  void put(const void* bytes, size_t count);
  void put8(uint8_t value) { put(&value, 1); }
  void put32(uint32_t value);
  void end();

  ByteStream& stream_;
  Device& device_;
  Part part_ = Part::kMagic;
  uint8_t previous_ = 0;  // the byte before, while looking for the magic
  Message type_ = Message::kHello;
  uint32_t length_ = 0;
  uint32_t received_ = 0;  // of the payload, chunks before this one
  size_t filled_ = 0;      // of chunk_
  uint32_t crc_ = 0;       // of the frame being read
  uint32_t sentCrc_ = 0;   // of the frame being written
  uint32_t heard_ = 0;     // when the last byte came
  uint8_t first_ = 0;      // of the payload
  alignas(8) uint8_t chunk_[kChunkBytes] = {};
};

}  // namespace edgeforge
