/* MEAN and SUM of int16, along any dimensions. */
#ifndef ENGINE_MEAN_S16_H
#define ENGINE_MEAN_S16_H

#include "engine.h"

typedef struct {
  int32_t kept[3], kept_step[3];       /* sizes, and how far apart neighbours lie; the last is the innermost */
  int32_t reduced[3], reduced_step[3]; /* the same of the dimensions that are summed */
  int32_t zeros; /* zero points in each sum */
  int32_t output_zero, multiplier, shift; /* the mean's division is in the multiplier */
} engine_mean_s16_layer;

void engine_mean_s16(const engine_mean_s16_layer *layer, const int16_t *in, int16_t *out);

#endif
