// A board on a pseudo-terminal: the sketch's own protocol.cc, with a table of answers in the place of TFLM.
//
// board_on_pty TABLE [FAULT=N …] prints the terminal's path, then serves it until it is killed. TABLE (little-endian):
// u32 element types of input, output and raw; u32 bytes of each, raw, input, output; u32 model CRC; u32 microseconds;
// u32 entries; then of each entry its raw input, input tensor and output tensor.
// Faults, N counted from 1: corrupt_answer (a byte of the N-th result), corrupt_question (the N-th byte received),
// lose_question (the N-th byte received), silent_after, gone_after (results), late (the N-th result comes after 2 s),
// wrong (the N-th distinct output is 3 steps off), wrong_one (1 step), chatty (text before the first answer).
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "protocol.h"

namespace {

using Bytes = std::vector<uint8_t>;

struct Faults {
  long corruptAnswer = 0, corruptQuestion = 0, loseQuestion = 0, silentAfter = 0, goneAfter = 0, late = 0, wrong = 0, wrongOne = 0, chatty = 0;
};

struct Entry {
  Bytes raw, tensor, output;
};

class Terminal : public edgeforge::ByteStream {
 public:
  Terminal(int fd, const Faults& faults) : fd_(fd), faults_(faults) {}

  size_t read(uint8_t* bytes, size_t most) override {
    const ssize_t count = ::read(fd_, bytes, most);
    if (count <= 0) return 0;
    if (faults_.chatty && received_ == 0) {  // a board that has just started says so
      const char text[] = "EdgeForge: digits\r\nPASS: 3 images, largest difference 1 step(s)\r\n";
      write(reinterpret_cast<const uint8_t*>(text), sizeof text - 1);
    }
    size_t kept = 0;
    for (ssize_t i = 0; i < count; ++i) {
      ++received_;
      if (received_ == faults_.loseQuestion) continue;
      bytes[kept++] = received_ == faults_.corruptQuestion ? bytes[i] ^ 0x10 : bytes[i];
    }
    return kept;
  }

  void write(const uint8_t* bytes, size_t count) override {
    if (mute) return;
    Bytes sent(bytes, bytes + count);
    if (corruptNext && count > 4) {
      sent[count / 2] ^= 0x10;
      corruptNext = false;
    }
    for (size_t done = 0; done < count;) {
      const ssize_t step = ::write(fd_, sent.data() + done, count - done);
      if (step > 0) done += static_cast<size_t>(step);
    }
  }

  uint32_t millis() override {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint32_t>(now.tv_sec * 1000 + now.tv_nsec / 1000000);
  }

  bool mute = false;
  bool corruptNext = false;

 private:
  int fd_;
  Faults faults_;
  long received_ = 0;
};

class Table : public edgeforge::Device {
 public:
  Table(const char* path, Terminal& terminal, const Faults& faults) : terminal_(terminal), faults_(faults) {
    FILE* file = fopen(path, "rb");
    uint32_t head[9];
    if (file == nullptr || fread(head, sizeof head, 1, file) != 1) exit(2);
    facts_.input = static_cast<edgeforge::DataType>(head[0]);
    facts_.output = static_cast<edgeforge::DataType>(head[1]);
    facts_.raw = static_cast<edgeforge::DataType>(head[2]);
    facts_.rawBytes = head[3];
    facts_.inputBytes = head[4];
    facts_.outputBytes = head[5];
    facts_.modelCrc32 = head[6];
    micros_ = head[7];
    facts_.arenaUsed = 2692;
    facts_.arenaBytes = 3072;
    facts_.name = "digits";
    facts_.library = "Chirale_TensorFLowLite 2.0.0";
    for (uint32_t i = 0; i < head[8]; ++i) {
      entries_.push_back({part(file, head[3]), part(file, head[4]), part(file, head[5])});
    }
    fclose(file);
    raw_.resize(head[3]);
    tensor_.resize(head[4]);
  }

  edgeforge::DeviceFacts facts() override { return facts_; }
  void takeRaw(size_t offset, const uint8_t* bytes, size_t count) override {
    memcpy(raw_.data() + offset, bytes, count);
    tookRaw_ = true;
  }
  void takeTensor(size_t offset, const uint8_t* bytes, size_t count) override {
    memcpy(tensor_.data() + offset, bytes, count);
    tookRaw_ = false;
  }

  bool keepState(bool keep) override {
    keeps_ = keep;
    turn_ = 0;
    return true;
  }

  const uint8_t* invoke(uint32_t* micros) override {
    ++results_;
    if (results_ == faults_.goneAfter + 1 && faults_.goneAfter) exit(0);
    if (results_ == faults_.silentAfter + 1 && faults_.silentAfter) terminal_.mute = true;
    if (results_ == faults_.late) sleep(2);
    if (results_ == faults_.corruptAnswer) terminal_.corruptNext = true;
    *micros = micros_ + 10 * static_cast<uint32_t>(results_);
    if (keeps_) {  // the table's answers follow each other, as a model's with a state
      output_ = entries_[turn_++ % entries_.size()].output;
      return output_.data();
    }
    for (const Entry& entry : entries_) {
      if ((tookRaw_ ? entry.raw : entry.tensor) != (tookRaw_ ? raw_ : tensor_)) continue;
      output_ = entry.output;
      if (results_ == faults_.wrong) output_[0] = static_cast<uint8_t>(output_[0] > 100 && output_[0] < 128 ? output_[0] - 3 : output_[0] + 3);
      if (results_ == faults_.wrongOne) output_[0] = static_cast<uint8_t>(output_[0] == 127 ? 126 : output_[0] + 1);
      return output_.data();
    }
    return nullptr;
  }

  SelfTestAnswer selfTest() override { return {true, 3, 1, 0}; }

 private:
  static Bytes part(FILE* file, size_t count) {
    Bytes bytes(count);
    if (count && fread(bytes.data(), count, 1, file) != 1) exit(2);
    return bytes;
  }

  Terminal& terminal_;
  Faults faults_;
  edgeforge::DeviceFacts facts_ = {};
  uint32_t micros_ = 0;
  long results_ = 0;
  bool tookRaw_ = false, keeps_ = false;
  size_t turn_ = 0;
  std::vector<Entry> entries_;
  Bytes raw_, tensor_, output_;
};

}  // namespace

int main(int count, char** words) {
  Faults faults;
  for (int i = 2; i < count; ++i) {
    const std::string word = words[i];
    const size_t equals = word.find('=');
    const long number = strtol(word.c_str() + equals + 1, nullptr, 10);
    const std::string name = word.substr(0, equals);
    if (name == "corrupt_answer") faults.corruptAnswer = number;
    if (name == "corrupt_question") faults.corruptQuestion = number;
    if (name == "lose_question") faults.loseQuestion = number;
    if (name == "silent_after") faults.silentAfter = number;
    if (name == "gone_after") faults.goneAfter = number;
    if (name == "late") faults.late = number;
    if (name == "wrong") faults.wrong = number;
    if (name == "wrong_one") faults.wrongOne = number;
    if (name == "chatty") faults.chatty = number;
  }
  const int fd = posix_openpt(O_RDWR | O_NOCTTY);
  if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) return 1;
  const int kept = open(ptsname(fd), O_RDWR | O_NOCTTY);  // keeps the terminal alive while no host has it open
  termios plain;
  tcgetattr(kept, &plain);
  cfmakeraw(&plain);
  tcsetattr(kept, TCSANOW, &plain);
  printf("%s\n", ptsname(fd));
  fflush(stdout);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  Terminal terminal(fd, faults);
  Table table(words[1], terminal, faults);
  edgeforge::Protocol protocol(terminal, table);
  for (;;) {
    pollfd ready = {fd, POLLIN, 0};
    poll(&ready, 1, 20);
    protocol.poll();
  }
}
