// A band as TensorFlow Lite Micro's audio frontend hears it: without steady noise, and at an even loudness.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Returns the byte of a band of that power; noise: what was heard in it so far, which this updates.
uint8_t features_heard(uint64_t power, uint32_t *noise, size_t band);
