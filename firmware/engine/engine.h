/* What all kernels share: sizes, and the arithmetic of quantized values.
 *
 * C11, no heap, no state, no other header than these of the compiler's own. The arithmetic is that of TensorFlow Lite
 * Micro's reference kernels, bit for bit; ENGINE_SINGLE_ROUNDING makes it that of LiteRT on a desk.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifndef ENGINE_SINGLE_ROUNDING
#define ENGINE_SINGLE_ROUNDING 0
#endif

/* On a Teensy 4, constants are copied to RAM at start unless they are told to stay in flash (its linker script). */
#if defined(__IMXRT1062__)
#define ENGINE_IN_FLASH __attribute__((section(".progmem")))
#else
#define ENGINE_IN_FLASH
#endif

/* What is done after each layer, with a semicolon; define it to measure them. */
#ifndef ENGINE_AFTER_LAYER
#define ENGINE_AFTER_LAYER(layer)
#endif

/* An image: height, width, channels; channels lie side by side (N,H,W,C). */
typedef struct {
  int32_t height, width, depth;
} engine_image;

/* A window that moves over an image; top, left: rows and columns thought before it, of the input's zero point. */
typedef struct {
  int32_t height, width, stride_y, stride_x, dilation_y, dilation_x, top, left;
} engine_window;

/* How the sum of one output channel is brought to the output's scale: multiplier * 2^(shift - 31). */
typedef struct {
  int32_t bias, multiplier, shift;
} engine_channel;

/* How two inputs of unequal shapes are walked together: sizes, and how far apart neighbours lie in a and in b, which is
 * 0 where one value is repeated. The last dimension is the innermost. */
typedef struct {
  int32_t sizes[4], a[4], b[4];
} engine_broadcast;

static inline int32_t engine_min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t engine_max(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t engine_clamp(int32_t value, int32_t low, int32_t high) {
  return engine_min(engine_max(value, low), high);
}

/* 2 * a * b / 2^32, rounded to nearest, halves up: SaturatingRoundingDoublingHighMul of
 * gemmlowp/fixedpoint/fixedpoint.h. (There a division that truncates, with a nudge of the product's sign that is 1 less
 * below 0: the same, as a shift rounds down.) */
static inline int32_t engine_doubling_high(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* value / 2^exponent, rounded to nearest, halves away from zero: RoundingDivideByPOT of the same file. */
static inline int32_t engine_rounding_shift(int32_t value, int32_t exponent) {
  const int32_t mask = (int32_t)(((int64_t)1 << exponent) - 1);
  const int32_t remainder = value & mask;
  const int32_t threshold = (mask >> 1) + (value < 0);
  return (value >> exponent) + (remainder > threshold);
}

/* value * 2^exponent modulo 2^32, as TFLM's processors compute it where it does not fit. */
static inline int32_t engine_shift_left(int32_t value, int32_t exponent) {
  return (int32_t)((uint32_t)value << exponent);
}

/* value * multiplier * 2^(shift - 31): MultiplyByQuantizedMultiplier of tensorflow/lite/kernels/internal/common.cc. */
static inline int32_t engine_requantize(int32_t value, int32_t multiplier, int32_t shift) {
#if ENGINE_SINGLE_ROUNDING
  const int32_t total = 31 - shift;
  return (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << (total - 1))) >> total);
#else
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  return engine_rounding_shift(engine_doubling_high(engine_shift_left(value, left), multiplier), right);
#endif
}

/* The same for sums of 64 bits, with the multiplier's upper 16 bits (the overload for int64_t in common.cc). */
static inline int32_t engine_requantize_wide(int64_t value, int32_t multiplier, int32_t shift) {
  const int32_t reduced = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
  const int32_t total = 15 - shift;
  return (int32_t)((value * reduced + ((int64_t)1 << (total - 1))) >> total);
}

/* The sums of int16 layers have 64 bits where their biases have, and are then scaled by 16 bits of the multiplier. */
static inline int32_t engine_requantize_s16(int64_t sum, int32_t wide, const engine_channel *channel) {
  return wide ? engine_requantize_wide(sum, channel->multiplier, channel->shift)
              : engine_requantize((int32_t)sum, channel->multiplier, channel->shift);
}

#endif
