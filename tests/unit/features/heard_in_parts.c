/* Hears 16-bit samples of its input in parts of so many, and writes the rows. */
#include <stdio.h>
#include <stdlib.h>

#include "sound_features.h"

int main(int count, char **words) {
  static features_state state;
  const size_t part = count > 1 ? (size_t)atoi(words[1]) : 1;
  int16_t *samples = malloc(part * sizeof *samples);
  uint8_t row[FEATURES_VALUES];
  features_reset(&state);
  for (size_t read; (read = fread(samples, sizeof *samples, part, stdin)) > 0;) {
    for (size_t heard = 0; heard < read;) {
      bool whole;
      heard += features_take(&state, samples + heard, read - heard, row, &whole);
      if (whole) fwrite(row, sizeof row, 1, stdout);
    }
  }
  free(samples);
  return 0;
}
