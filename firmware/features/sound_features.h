// Features of sound: samples of 16 bits in, one row of bytes a frame out, whole numbers throughout.
//
// The desk, the Raspberry Pi and the board compile these very files, so that a network hears in use what it was trained
// on, byte for byte. No heap; a stream is given in parts of any size:
//
//   static features_state state;
//   features_reset(&state);
//   while (count > 0) {
//     bool whole;
//     const size_t taken = features_take(&state, samples, count, row, &whole);
//     samples += taken, count -= taken;
//     if (whole) …  // row: FEATURES_VALUES bytes of the newest frame
//   }
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fft.h"
#include "feature_tables.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int16_t samples[FEATURES_WINDOW];  // of the frame that is being filled
  size_t filled;
  features_bin spectrum[FEATURES_FFT / 2];
  int32_t bands[FEATURES_BANDS];
#if FEATURES_KIND == FEATURES_MICROFRONTEND
  uint32_t noise[FEATURES_BANDS];  // what was heard so far, with 10 bits of fraction
#endif
} features_state;

// Forgets all that was heard.
void features_reset(features_state *state);

// Takes samples until a frame is whole, at most `count`; returns how many. *whole says whether `row` was written.
size_t features_take(features_state *state, const int16_t *samples, size_t count, uint8_t *row, bool *whole);

// Writes the rows of a whole clip, from silence on; returns how many.
size_t features_of_clip(features_state *state, const int16_t *samples, size_t count, uint8_t *rows);

// sizeof(features_state), for who has no C compiler at hand.
size_t features_state_bytes(void);

#ifdef __cplusplus
}
#endif
