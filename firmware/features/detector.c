#include "detector.h"

#include <string.h>

#include "powers_of_two.h"

static uint32_t share(int32_t below, int32_t step) {
  const int64_t exponent = (24 << 16) - (int64_t)below * step;
  return exponent < 0 ? 0 : features_exp2((int32_t)exponent);
}

void detector_scores(const int8_t *outputs, size_t classes, int32_t step, uint8_t *scores) {
  int32_t largest = outputs[0];
  for (size_t i = 1; i < classes; ++i) largest = outputs[i] > largest ? outputs[i] : largest;
  uint64_t sum = 0;
  for (size_t i = 0; i < classes; ++i) sum += share(largest - outputs[i], step);
  for (size_t i = 0; i < classes; ++i) {
    scores[i] = (uint8_t)((255 * (uint64_t)share(largest - outputs[i], step) + sum / 2) / sum);
  }
}

void detector_reset(detector_state *state, uint8_t *scores) {
  memset(state, 0, sizeof *state);
  state->scores = scores;
}

int detector_hear(detector_state *state, const detector_settings *settings, const uint8_t *scores) {
  memcpy(state->scores + state->next * settings->classes, scores, settings->classes);
  state->next = (state->next + 1) % settings->smoothed;
  if (state->heard < settings->smoothed) ++state->heard;
  if (state->waiting > 0) {
    --state->waiting;
    return DETECTOR_SILENT;
  }
  if (state->heard < settings->smoothed) return DETECTOR_SILENT;
  size_t best = 0;
  uint32_t most = 0;
  for (size_t i = 0; i < settings->classes; ++i) {
    uint32_t sum = 0;
    for (size_t k = 0; k < settings->smoothed; ++k) sum += state->scores[k * settings->classes + i];
    if (sum > most) best = i, most = sum;
  }
  const uint32_t threshold = settings->thresholds[best];
  if (threshold == 0 || most < threshold * settings->smoothed) return DETECTOR_SILENT;
  state->waiting = settings->pause;
  return (int)best;
}

void detector_hear_all(const detector_settings *settings, uint8_t *memory, const uint8_t *scores, size_t count,
                       int *found) {
  detector_state state;
  detector_reset(&state, memory);
  for (size_t i = 0; i < count; ++i) found[i] = detector_hear(&state, settings, scores + i * settings->classes);
}
