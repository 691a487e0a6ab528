// Logarithms and powers, in whole numbers.
#pragma once

#include <stdint.h>

// log2(value) with 16 bits of fraction, to 5 of them; 0 for 0.
int32_t features_log2(uint64_t value);

// 2^exponent, which has 16 bits of fraction and is below 31; 0 where that is below 1.
uint32_t features_exp2(int32_t exponent);
