/* Sums of products of int8: columns with rows of weights, two rows at a time. */
#ifndef ENGINE_SCALAR_PRODUCTS_H
#define ENGINE_SCALAR_PRODUCTS_H

#include <stdint.h>

/* How many channels' sums are made before they are requantized. */
enum { ENGINE_SCALAR_TOGETHER = 8 };

/* The sums of a column with two rows of weights for each of `pairs`: each value is loaded once for two. depth: of a
 * column and of a row, 1 or more, as pairs are. */
void engine_scalar_one_column(const int8_t *column, const int8_t *weights, int32_t depth, int32_t pairs, int32_t *sums);

/* Those of two columns, the second's sums behind all of the first's: four loads for four products. */
void engine_scalar_two_columns(const int8_t *columns, const int8_t *weights, int32_t depth, int32_t pairs,
                               int32_t *sums);

#endif
