/* UNIDIRECTIONAL_SEQUENCE_LSTM of int8, with cells of int16. */
#ifndef ENGINE_LSTM_H
#define ENGINE_LSTM_H

#include "engine.h"

/* multiplier * 2^(shift - 31) */
typedef struct {
  int32_t multiplier, shift;
} engine_factor;

typedef struct {
  const int8_t *input_weights;     /* cell, input */
  const int8_t *recurrent_weights; /* cell, cell */
  const int32_t *bias, *recurrent_bias; /* of both sums; the zero points are folded into them */
  engine_factor input, recurrent; /* bring both sums to Q3.12 */
} engine_gate;

typedef struct {
  int32_t batches, steps, inputs, cells;
  int32_t time_major; /* 1: steps before batches in memory */
  int32_t hidden_zero;
  engine_gate input, forget, cell, output;
  engine_factor kept, added, shown; /* forget gate * cell, input gate * cell gate, output gate * tanh(cell) */
  int32_t tanh_multiplier, tanh_right_shift; /* of a cell's state */
  int32_t clip;                              /* of a cell's state; 0: none */
} engine_lstm_layer;

/* hidden: batches * cells of int8, cells: as many of int16; both live on. */
void engine_lstm(const engine_lstm_layer *layer, const int8_t *in, int8_t *out, int8_t *hidden, int16_t *cells);

#endif
