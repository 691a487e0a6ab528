// The bands of a spectrum, evenly spaced as the ear hears.
#pragma once

#include <stddef.h>

#include "fft.h"

// The power of a band: of its bins, by their weights of 12 bits of fraction. Below 2^62.
uint64_t features_band(const features_bin *bins, size_t band);
