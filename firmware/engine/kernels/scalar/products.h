/* Sums of products of int8. */
#ifndef ENGINE_SCALAR_PRODUCTS_H
#define ENGINE_SCALAR_PRODUCTS_H

#include <stdint.h>

/* Add to sums[0] and sums[1] the products of a column with two rows of weights: each value is loaded once for two.
 * count: 1 or more. */
void engine_scalar_one_by_two(const int8_t *column, const int8_t *a, const int8_t *b, int32_t count, int32_t *sums);

/* Add to sums[0] and sums[1] those of one column, to sums[2] and sums[3] those of another: four loads for four
 * products. */
void engine_scalar_two_by_two(const int8_t *column, const int8_t *next, const int8_t *a, const int8_t *b,
                              int32_t count, int32_t *sums);

#endif
