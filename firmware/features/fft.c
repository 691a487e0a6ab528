// A fast Fourier transform of real values: one of half the length, of pairs as complex numbers, taken apart at its end
// (Sorensen, Jones, Heideman, Burrus 1987, "Real-valued fast Fourier transform algorithms").
//
// Values of FEATURES_FRACTION = 15 - log2(FEATURES_FFT) bits of fraction stay below 2^30 in every stage, whatever the
// samples: a stage's values are sums of FEATURES_FFT / 2 complex ones below sqrt(2) * 2^(15 + FEATURES_FRACTION).
#include "fft.h"

#include <stddef.h>

#include "feature_tables.h"

#define HALF ((size_t)FEATURES_FFT / 2)

// (real + i imaginary) turned by -2 pi * place / FEATURES_FFT. Cosines and sines have 30 bits of fraction.
static void turn(int32_t *real, int32_t *imaginary, size_t place) {
  const int64_t cosine = features_turns[place][0], sine = features_turns[place][1], half = 1 << 29;
  const int32_t before = *real;
  *real = (int32_t)((before * cosine + *imaginary * sine + half) >> 30);
  *imaginary = (int32_t)((*imaginary * cosine - before * sine + half) >> 30);
}

static void reverse_bits(features_bin *bins) {
  size_t other = 0;
  for (size_t i = 1; i < HALF; ++i) {
    size_t bit = HALF >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (i < other) {
      const features_bin kept = bins[i];
      bins[i] = bins[other];
      bins[other] = kept;
    }
  }
}

static void butterfly(features_bin *one, features_bin *other, int32_t real, int32_t imaginary) {
  other->sum.real = one->sum.real - real;
  other->sum.imaginary = one->sum.imaginary - imaginary;
  one->sum.real += real;
  one->sum.imaginary += imaginary;
}

static void transform(features_bin *bins) {
  reverse_bits(bins);
  for (size_t apart = 1; apart < HALF; apart *= 2) {
    const size_t step = HALF / apart;  // of the angle, in the table
    for (size_t i = 0; i < HALF; i += 2 * apart) {
      butterfly(&bins[i], &bins[i + apart], bins[i + apart].sum.real, bins[i + apart].sum.imaginary);
    }
    for (size_t place = 1; place < apart; ++place) {
      for (size_t i = place; i < HALF; i += 2 * apart) {
        int32_t real = bins[i + apart].sum.real, imaginary = bins[i + apart].sum.imaginary;
        turn(&real, &imaginary, place * step);
        butterfly(&bins[i], &bins[i + apart], real, imaginary);
      }
    }
  }
}

static uint64_t power(int32_t real, int32_t imaginary) {
  return (uint64_t)((int64_t)real * real + (int64_t)imaginary * imaginary) >> 10;
}

void features_spectrum(features_bin *bins) {
  transform(bins);
  for (size_t i = 1; i <= HALF / 2; ++i) {
    features_bin *one = &bins[i], *other = &bins[HALF - i];
    const int32_t even_real = (one->sum.real + other->sum.real) >> 1;
    const int32_t even_imaginary = (one->sum.imaginary - other->sum.imaginary) >> 1;
    int32_t real = (one->sum.imaginary + other->sum.imaginary) >> 1;  // of the odd values
    int32_t imaginary = (other->sum.real - one->sum.real) >> 1;
    turn(&real, &imaginary, i);
    one->power = power(even_real + real, even_imaginary + imaginary);
    if (one != other) other->power = power(even_real - real, even_imaginary - imaginary);
  }
}
