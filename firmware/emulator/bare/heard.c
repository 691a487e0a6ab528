/* Hears the samples of input.bin, one second in parts, and writes to output.bin the rows of features; at the end, in
 * ticks of the processor's clock, how long all took, and the stack's depth. */
#include "sound_features.h"
#include "measure.h"
#include "semihosting.h"

#define PART 160

static features_state state;
static int16_t samples[PART];
static uint8_t row[FEATURES_VALUES];

int main(void) {
  const intptr_t source = open_file("input.bin", 9, 1), target = open_file("output.bin", 10, 5);
  uint32_t ticks = 0;
  intptr_t missing = 0;
  start_clock();
  paint_stack();
  features_reset(&state);
  while (missing == 0) {
    missing = read_file(source, samples, sizeof samples);
    const size_t count = PART - (size_t)missing / sizeof *samples;
    for (size_t heard = 0; heard < count;) {
      bool whole;
      const uint32_t before = clock_ticks();
      heard += features_take(&state, samples + heard, count - heard, row, &whole);
      ticks += (before - clock_ticks()) & CLOCK_MASK;
      if (whole) write_file(target, row, sizeof row);
    }
  }
  const uint32_t measured[3] = {ticks, stack_depth(), sizeof state};
  write_file(target, measured, sizeof measured);
  return 0;
}
