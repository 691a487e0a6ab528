/* LstmStep of tensorflow/lite/micro/kernels/lstm_eval.h, cell by cell: a step's four gates of one cell depend on the
 * input and on the hidden state before, so only the new hidden state must wait for all cells. */
#include "lstm.h"

#include <string.h>

#include "sigmoid.h"

#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>

/* Values 0 and 2 of four as two of 16 bits. */
static inline int16x2_t even(uint32_t four) { return __sxtb16((int8x4_t)four); }

static inline int16x2_t odd(uint32_t four) { return __sxtb16((int8x4_t)(four >> 8 | four << 24)); }
#endif

/* Two products an instruction where the core has them. */
static int32_t dot(const int8_t *weights, const int8_t *values, int32_t size, int32_t sum) {
#if defined(__ARM_FEATURE_DSP)
  for (; size >= 4; size -= 4, weights += 4, values += 4) {
    uint32_t w, v;
    memcpy(&w, weights, 4); /* the cores have loads from any address */
    memcpy(&v, values, 4);
    sum = __smlad(even(w), even(v), sum);
    sum = __smlad(odd(w), odd(v), sum);
  }
#endif
  for (; size > 0; size--) sum += *weights++ * *values++;
  return sum;
}

static int16_t saturated(int32_t value) { return (int16_t)engine_clamp(value, INT16_MIN, INT16_MAX); }

static int32_t scaled(int32_t value, engine_factor factor) {
  return engine_requantize(value, factor.multiplier, factor.shift);
}

/* A gate's value before its function, in Q3.12. Both sums are brought there alone, and saturated alone. */
static int16_t gate_of(const engine_lstm_layer *layer, const engine_gate *gate, int32_t cell, const int8_t *in,
                       const int8_t *hidden) {
  const int8_t *weights = gate->input_weights + cell * layer->inputs;
  const int8_t *recurrent = gate->recurrent_weights + cell * layer->cells;
  const int32_t from_input = dot(weights, in, layer->inputs, gate->bias[cell]);
  const int32_t from_hidden = dot(recurrent, hidden, layer->cells, gate->recurrent_bias[cell]);
  return saturated(saturated(scaled(from_input, gate->input)) + saturated(scaled(from_hidden, gate->recurrent)));
}

static void step(const engine_lstm_layer *layer, const int8_t *in, int8_t *out, int8_t *hidden, int16_t *cells) {
  for (int32_t c = 0; c < layer->cells; c++) {
    const int16_t forget = engine_sigmoid(gate_of(layer, &layer->forget, c, in, hidden));
    const int16_t input = engine_sigmoid(gate_of(layer, &layer->input, c, in, hidden));
    const int16_t cell = engine_tanh(gate_of(layer, &layer->cell, c, in, hidden), 3, 0);
    const int16_t output = engine_sigmoid(gate_of(layer, &layer->output, c, in, hidden));
    const int16_t kept = saturated(scaled(forget * cells[c], layer->kept));
    const int16_t added = saturated(scaled(input * cell, layer->added));
    cells[c] = saturated(kept + added);
    if (layer->clip > 0) cells[c] = (int16_t)engine_clamp(cells[c], -layer->clip, layer->clip);
    const int16_t shown = engine_tanh(cells[c], layer->tanh_multiplier, layer->tanh_right_shift);
    out[c] = (int8_t)engine_clamp(scaled(shown * output, layer->shown) + layer->hidden_zero, INT8_MIN, INT8_MAX);
  }
  memcpy(hidden, out, (size_t)layer->cells);
}

void engine_lstm(const engine_lstm_layer *layer, const int8_t *in, int8_t *out, int8_t *hidden, int16_t *cells) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t time = 0; time < layer->steps; time++) {
      const int32_t row = layer->time_major ? time * layer->batches + batch : batch * layer->steps + time;
      step(layer, in + row * layer->inputs, out + row * layer->cells, hidden, cells);
    }
    hidden += layer->cells;
    cells += layer->cells;
  }
}
