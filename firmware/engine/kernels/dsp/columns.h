/* Sums of products of int8 weights and int16 columns, two products an instruction (SMLAD): the inner loops of
 * convolutions and dense layers on cores with the DSP extension (Cortex-M4, M7, M33).
 *
 * Order of the products. A word of four int8 is widened by SXTB16, which takes its bytes 0 and 2, and by SXTB16 with a
 * rotation by 8, which takes bytes 1 and 3. So a column holds the pairs (k0,k2), (k1,k3), (k4,k6), ...: two
 * instructions widen four values, and none is spent on putting them into order. Weights stand as they meet the pairs,
 * two output channels a and b together: a0 b0 a2 b2, a1 b1 a3 b3, ... One load and two SXTB16 then serve four products
 * of each column. k is padded with weights of zero: to a whole number of pairs. */
#ifndef ENGINE_DSP_COLUMNS_H
#define ENGINE_DSP_COLUMNS_H

#include <stdint.h>

/* Two output channels: where their sums begin, and their requantization (requantize.h). */
typedef struct {
  int32_t start, next_start;             /* (bias, the input's zero point folded in) << 5 | right shift */
  uint32_t multiplier, next_multiplier;  /* twice TensorFlow Lite's */
} engine_dsp_pair;

/* What one call computes. The assembly reads the members in this order. */
typedef struct {
  int8_t *out;     /* of the first column and channel */
  int32_t stride;  /* bytes from a column's outputs to the next one's */
  const engine_dsp_pair *pair;
  int32_t zero;             /* the output's zero point */
  const uint32_t *columns;  /* pairs of values; four columns side by side, or one */
  int32_t steps;            /* pairs of a column */
  const uint32_t *columns_end;
  const engine_dsp_pair *pairs_end;
} engine_dsp_product;

/* output[column][channel] of four columns and all channels. columns: pair 0 of the four columns, pair 1, ... */
void engine_dsp_four_columns(const engine_dsp_product *product, const int8_t *weights);

/* The same of a single column. */
void engine_dsp_one_column(const engine_dsp_product *product, const int8_t *weights);

/* Widen four runs of int8 to four columns side by side; return the end of what was written.
 * apart: bytes from one run to the next. count: values of each, a multiple of four. */
uint32_t *engine_dsp_widen_four(const int8_t *run, int32_t apart, int32_t count, uint32_t *columns);

#endif
