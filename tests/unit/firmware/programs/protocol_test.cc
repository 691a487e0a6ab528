// In: bytes as they come over the line, in portions (u32 length; 0xFFFFFFFF: nothing for the next two seconds).
// Out: all that the board writes.
#include "device.h"
#include "fake_tflm.h"
#include "model.h"
#include "program.h"
#include "protocol.h"
#include "test_vectors.h"

namespace {

constexpr uint32_t kSilence = 0xFFFFFFFF;

class Line : public edgeforge::ByteStream {
 public:
  size_t read(uint8_t* bytes, size_t most) override {
    const size_t count = waiting < most ? waiting : most;
    if (count > 0 && !in.read(bytes, count)) exit(6);
    waiting -= static_cast<uint32_t>(count);
    return count;
  }
  void write(const uint8_t* bytes, size_t count) override { put(bytes, count); }
  uint32_t millis() override { return now; }

  Input in;
  uint32_t waiting = 0;
  uint32_t now = 0xFFFFFFF0;  // the clock overflows in the test, as a board's does after 49 days
};

}  // namespace

int main() {
  static Line line;
  answers(0, edgeforge::kModel, edgeforge::kTestVector, edgeforge::kInputValues * sizeof(edgeforge::InputType),
          edgeforge::kOutputValues * sizeof(edgeforge::OutputType));
  edgeforge::Classifier classifier;
  if (!classifier.begin()) return 1;
  edgeforge::ModelDevice device(classifier);
  edgeforge::Protocol protocol(line, device);
  uint32_t portion;
  while (line.in.read(&portion, 1)) {
    if (portion == kSilence) {
      line.now += 2000;
      protocol.poll();
    } else {
      line.waiting = portion;
      while (line.waiting > 0) protocol.poll();
      ++line.now;
    }
  }
  return 0;
}
