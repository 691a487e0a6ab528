// libFuzzer on the sketch's own protocol code: what a host, or noise on the line, may send.
//
// An input is a series of portions: a byte says what comes. 0: two seconds of silence. 1 to 127: so many bytes as they
// stand. 128 on: a frame with a right CRC (u8 type, u8 version, u8 length as it says of itself, that many bytes).
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "protocol.h"

namespace {

constexpr uint32_t kRaw = 64, kInput = 67, kOutput = 10;

class Line : public edgeforge::ByteStream {
 public:
  size_t read(uint8_t* bytes, size_t most) override {
    size_t count = 0;
    while (count < most && place < waiting.size()) bytes[count++] = waiting[place++];
    return count;
  }
  void write(const uint8_t* bytes, size_t count) override { said.insert(said.end(), bytes, bytes + count); }
  uint32_t millis() override { return now; }

  std::vector<uint8_t> waiting, said;
  size_t place = 0;
  uint32_t now = 0xFFFFFFF0;
};

// Buffers of their exact size: the sanitizer sees a byte beside them.
class Model : public edgeforge::Device {
 public:
  Model() : raw(kRaw), tensor(kInput), output(kOutput) {}
  edgeforge::DeviceFacts facts() override {
    return {edgeforge::DataType::kInt8, edgeforge::DataType::kInt8, edgeforge::DataType::kUint8, kRaw, kInput, kOutput, 1, 2, 3, name, "library"};
  }
  void takeRaw(size_t offset, const uint8_t* bytes, size_t count) override { put(raw, offset, bytes, count); }
  void takeTensor(size_t offset, const uint8_t* bytes, size_t count) override { put(tensor, offset, bytes, count); }
  bool keepState(bool keep) override { return !(keep && tensor[0] == 26); }
  const uint8_t* invoke(uint32_t* micros) override {
    *micros = 7;
    return tensor[0] == 13 ? nullptr : output.data();
  }
  SelfTestAnswer selfTest() override { return {true, 3, 1, 0}; }

  const char* name = "digits";

 private:
  static void put(std::vector<uint8_t>& buffer, size_t offset, const uint8_t* bytes, size_t count) {
    if (offset > buffer.size() || count > buffer.size() - offset) abort();
    memcpy(buffer.data() + offset, bytes, count);
  }
  std::vector<uint8_t> raw, tensor, output;
};

// Every answer is a whole frame with a right CRC.
void require_frames(const std::vector<uint8_t>& said) {
  size_t at = 0;
  while (at < said.size()) {
    if (said.size() - at < 12 || said[at] != 0xE5 || said[at + 1] != 0xF0) abort();
    uint32_t length, crc;
    memcpy(&length, &said[at + 4], 4);
    if (said.size() - at - 12 < length) abort();
    memcpy(&crc, &said[at + 8 + length], 4);
    if (crc != edgeforge::crc32(0, &said[at + 2], 6 + length)) abort();
    at += 12 + length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Line line;
  Model model;
  if (size > 0 && data[0] % 3 == 0) {
    static const std::vector<char> longest(400, 'n');
    static const std::vector<char> ended = [] { auto one = longest; one.push_back(0); return one; }();
    model.name = ended.data();
  }
  edgeforge::Protocol protocol(line, model);
  for (size_t at = 0; at < size;) {
    const uint8_t what = data[at++];
    if (what == 0) {
      line.now += 2000;
      protocol.poll();
      continue;
    }
    const size_t left = size - at;
    if (what < 128) {
      const size_t count = what < left ? what : left;
      line.waiting.insert(line.waiting.end(), data + at, data + at + count);
      at += count;
    } else if (left >= 3) {
      const size_t count = data[at + 2] < left - 3 ? data[at + 2] : left - 3;
      std::vector<uint8_t> body = {data[at + 1], data[at], static_cast<uint8_t>(what == 255 ? 255 : data[at + 2]), 0, 0, static_cast<uint8_t>(what == 254 ? 255 : 0)};
      body.insert(body.end(), data + at + 3, data + at + 3 + count);
      const uint32_t crc = edgeforge::crc32(0, body.data(), body.size());
      line.waiting.insert(line.waiting.end(), {0xE5, 0xF0});
      line.waiting.insert(line.waiting.end(), body.begin(), body.end());
      for (int shift = 0; shift < 32; shift += 8) line.waiting.push_back(static_cast<uint8_t>(crc >> shift));
      at += 3 + count;
    } else {
      at = size;
    }
    for (size_t turns = line.waiting.size() - line.place + 2; turns > 0 && line.place < line.waiting.size(); --turns) protocol.poll();
    if (line.place < line.waiting.size()) abort();  // it must take a byte each time, or it would hang
    ++line.now;
  }
  require_frames(line.said);
  return 0;
}
