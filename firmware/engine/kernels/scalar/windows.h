/* Sums of products under the windows of depthwise layers of int8. */
#ifndef ENGINE_SCALAR_WINDOWS_H
#define ENGINE_SCALAR_WINDOWS_H

#include <stdint.h>

/* What of a window lies in the image: some of its rows and columns, for all channels.
 *
 * column: from a value to the next. next_row: from behind a row's last value to the next row's first. width: of a row of
 * the window. columns: in the image, 1 or more. rows: how many are, 1 or more, times width. rest: weights of a channel
 * besides. step: from a channel's values to the next one's, 0 where both read the same. zero: the input's. */
typedef struct {
  int32_t column, next_row, width, columns, rows, rest, step, zero;
} engine_scalar_part;

/* The sums of `count` (1 or more) output channels. value, weights: the first of the first channel. */
void engine_scalar_window_sums(const engine_scalar_part *part, const int8_t *value, const int8_t *weights, int32_t count,
                               int32_t *sums);

#endif
