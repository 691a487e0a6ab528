#include "bands.h"

#include "feature_tables.h"

uint64_t features_band(const features_bin *bins, size_t band) {
  const uint16_t *weight = features_weights + features_bands[band].weights;
  const features_bin *bin = bins + features_bands[band].first;
  uint64_t sum = 0;
  for (size_t i = 0; i < features_bands[band].count; ++i) sum += *weight++ * (bin++)->power;
  return sum;
}
