// Frames of a stream of samples, and the row of bytes that each becomes.
#include "sound_features.h"

#include <string.h>

#include "bands.h"
#include "microfrontend.h"
#include "powers_of_two.h"

// A windowed sample with FEATURES_FRACTION bits of fraction; silence past the window.
static int32_t windowed(const features_state *state, size_t place) {
  if (place >= FEATURES_WINDOW) return 0;
  const int32_t half = (1 << (15 - FEATURES_FRACTION)) >> 1;
  return (state->samples[place] * (int32_t)features_window[place] + half) >> (15 - FEATURES_FRACTION);
}

#if FEATURES_KIND != FEATURES_MICROFRONTEND
static uint8_t byte_of(int32_t value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }
#endif

#if FEATURES_KIND == FEATURES_LOG_MEL
// 8 steps an octave of power, 255 at the loudest sine: 0 is 96 dB below.
static void fill(features_state *state, uint8_t *row) {
  for (size_t band = 0; band < FEATURES_BANDS; ++band) {
    row[band] = byte_of(255 + ((state->bands[band] + (1 << 12)) >> 13));
  }
}
#elif FEATURES_KIND == FEATURES_MFCC
// The discrete cosine transform of the logarithms: of the first, their mean, 8 steps an octave of power from 255 down;
// of the others 2 steps, around 128.
static void fill(features_state *state, uint8_t *row) {
  const int16_t *cosine = features_cosines;
  for (size_t value = 0; value < FEATURES_VALUES; ++value) {
    int64_t sum = 0;
    for (size_t band = 0; band < FEATURES_BANDS; ++band) sum += (int64_t)*cosine++ * state->bands[band];
    row[value] = byte_of((value == 0 ? 255 : 128) + (int32_t)((sum + (1 << 29)) >> 30));
  }
}
#endif

static void frame(features_state *state, uint8_t *row) {
  for (size_t i = 0; i < FEATURES_FFT / 2; ++i) {  // two values in a complex number
    state->spectrum[i].sum.real = windowed(state, 2 * i);
    state->spectrum[i].sum.imaginary = windowed(state, 2 * i + 1);
  }
  features_spectrum(state->spectrum);
#if FEATURES_KIND == FEATURES_MICROFRONTEND
  for (size_t band = 0; band < FEATURES_BANDS; ++band) {
    row[band] = features_heard(features_band(state->spectrum, band), &state->noise[band], band);
  }
#else
  for (size_t band = 0; band < FEATURES_BANDS; ++band) {
    const int32_t octaves = features_log2(features_band(state->spectrum, band)) - FEATURES_LOUDEST;
    state->bands[band] = octaves < -FEATURES_OCTAVES ? -FEATURES_OCTAVES : octaves;
  }
  fill(state, row);
#endif
}

void features_reset(features_state *state) { memset(state, 0, sizeof *state); }

size_t features_take(features_state *state, const int16_t *samples, size_t count, uint8_t *row, bool *whole) {
  const size_t wanted = FEATURES_WINDOW - state->filled;
  const size_t taken = count < wanted ? count : wanted;
  memcpy(state->samples + state->filled, samples, taken * sizeof *samples);
  state->filled += taken;
  *whole = state->filled == FEATURES_WINDOW;
  if (*whole) {
    frame(state, row);
    state->filled = FEATURES_WINDOW - FEATURES_STRIDE;
    memmove(state->samples, state->samples + FEATURES_STRIDE, state->filled * sizeof *samples);
  }
  return taken;
}

size_t features_of_clip(features_state *state, const int16_t *samples, size_t count, uint8_t *rows) {
  size_t found = 0;
  features_reset(state);
  while (count > 0) {
    bool whole;
    const size_t taken = features_take(state, samples, count, rows + found * FEATURES_VALUES, &whole);
    samples += taken;
    count -= taken;
    found += whole;
  }
  return found;
}

size_t features_state_bytes(void) { return sizeof(features_state); }
