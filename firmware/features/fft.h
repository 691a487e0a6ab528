// The spectrum of a frame, in whole numbers.
#pragma once

#include <stdint.h>

typedef union {
  struct {
    int32_t real, imaginary;
  } sum;
  uint64_t power;
} features_bin;

// In: FEATURES_FFT real values, two in a complex number, each below 2^(15 + FEATURES_FRACTION). Out: the power of bins
// 1 to FEATURES_FFT / 2 - 1, whose sum is below 2^50; bin 0 is left undefined. In place.
void features_spectrum(features_bin *bins);
