// Both interpolate in tables of 64 steps.
#include "powers_of_two.h"

#include "feature_tables.h"

static uint32_t between(const uint32_t *table, uint32_t place, uint32_t share) {
  return table[place] + (((table[place + 1] - table[place]) * share) >> 10);
}

static uint32_t top_bit(uint64_t value) {
  uint32_t place = 0;
  for (uint32_t step = 32; step > 0; step /= 2) {
    if (value >> step) {
      value >>= step;
      place += step;
    }
  }
  return place;
}

int32_t features_log2(uint64_t value) {
  if (value == 0) return 0;
  const uint32_t top = top_bit(value);
  const uint32_t fraction = (uint32_t)((value << (63 - top)) >> 47) & 0xffff;
  return (int32_t)((top << 16) + between(features_logarithms, fraction >> 10, fraction & 0x3ff));
}

uint32_t features_exp2(int32_t exponent) {
  if (exponent < 0) return 0;
  const uint32_t whole = (uint32_t)exponent >> 16, fraction = (uint32_t)exponent & 0xffff;
  const uint64_t power = between(features_exponentials, fraction >> 10, fraction & 0x3ff);  // with 16 bits of fraction
  return (uint32_t)((power << whole) >> 16);
}
