// After TensorFlow's microfrontend (lite/experimental/microfrontend/lib, Apache 2.0) with the settings of its
// micro_speech: the amplitude of a band, less the noise that a slow mean of it is, then per-channel energy
// normalisation (Wang, Getreuer, Hughes, Lyon, Saurous 2017, arXiv:1607.05666), then a logarithm. Its scales are kept, so
// that values are its own to a few hundredths; its lookup table of gains is a power here.
#include "microfrontend.h"

#include "feature_tables.h"
#include "powers_of_two.h"

#if FEATURES_KIND == FEATURES_MICROFRONTEND

enum {
  kSmoothingBits = 10,  // of fraction, of the noise
  kShareBits = 14,      // of fraction, of the shares below
  kEvenShare = 410,     // 0.025: how much of a new amplitude goes into the noise, of even bands
  kOddShare = 983,      // 0.06
  kLeast = 819,         // 0.05: what is left of an amplitude at least
  kOffset = 80,         // added to the noise before the power
  kStrength = 62259,    // 0.95, with 16 bits: the power
  kGainBits = 21,
  kLargestGain = 32767,
  kSNRBits = 12,
  kOutputBits = 6,
  kLogShift = 6,   // 64 steps a factor of e
  kNatural = 45426,  // ln 2, with 16 bits
  kLoudest = 666,  // becomes 256
};

static uint32_t square_root(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 62; bit > 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return (uint32_t)root;
}

static uint32_t without_noise(uint32_t signal, uint32_t *noise, size_t band) {
  const uint32_t share = band % 2 == 0 ? kEvenShare : kOddShare, scaled = signal << kSmoothingBits;
  const uint64_t kept = (uint64_t)*noise * ((1u << kShareBits) - share);
  *noise = (uint32_t)(((uint64_t)scaled * share + kept) >> kShareBits);
  const uint32_t least = (uint32_t)((uint64_t)signal * kLeast >> kShareBits);
  const uint32_t rest = scaled > *noise ? (scaled - *noise) >> kSmoothingBits : 0;
  return rest > least ? rest : least;
}

static uint32_t at_an_even_loudness(uint32_t signal, uint32_t noise) {
  const uint32_t bits = kSmoothingBits - FEATURES_CORRECTION;
  const int32_t octaves = features_log2(noise + ((uint64_t)kOffset << bits)) - (int32_t)(bits << 16);
  const uint32_t power = features_exp2((kGainBits << 16) - (int32_t)((int64_t)octaves * kStrength >> 16));
  const uint32_t gain = power < kLargestGain ? power : kLargestGain;
  const uint32_t ratio = (uint32_t)((uint64_t)signal * gain >> (kGainBits - FEATURES_CORRECTION - kSNRBits));
  if (ratio < 2u << kSNRBits) return ratio * ratio >> (2 + 2 * kSNRBits - kOutputBits);
  return (ratio >> (kSNRBits - kOutputBits)) - (1u << kOutputBits);
}

uint8_t features_heard(uint64_t power, uint32_t *noise, size_t band) {
  const uint32_t signal = without_noise(square_root(power) >> 10, noise, band);
  const uint64_t even = (uint64_t)at_an_even_loudness(signal, *noise) << FEATURES_CORRECTION;
  const uint32_t steps = (uint32_t)((features_log2(even) * (int64_t)kNatural + (1 << 25)) >> (32 - kLogShift));
  const uint32_t byte = (steps * 256 + kLoudest / 2) / kLoudest;
  return (uint8_t)(byte < 255 ? byte : 255);
}

#endif
