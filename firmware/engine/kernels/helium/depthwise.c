/* Eight channels at a time, of which rows are kept with their padding: no tap is asked whether it lies in the image. */
#include "depthwise.h"

#include "copy.h"
#include "requantize.h"

#define CHANNELS 8

/* What is computed at a time. rows: those under the windows of one row of outputs. lanes: its channels; whole: all eight. */
typedef struct {
  const int8_t **rows;
  int8_t *ring;
  mve_pred16_t lanes;
  int32_t whole;
  const int8_t *weights;
  const int32_t *requantization;
} group;

/* Sums of the even channels and of the odd ones. */
typedef struct {
  int32x4_t even, odd;
} sums;

/* Keep a row of eight channels. y: counted from the first row of padding. in: the first channel of the first pixel. */
static void keep(const engine_helium_depthwise_layer *layer, const group *now, const int8_t *in, int32_t y,
                 int8_t *kept) {
  const engine_image *image = &layer->input;
  const int32_t left = layer->window.left, width = engine_min(image->width, layer->columns - left);
  y -= layer->window.top;
  if (y < 0 || y >= image->height) {
    engine_helium_fill(kept, layer->input_zero, layer->columns * CHANNELS);
    return;
  }
  kept = engine_helium_fill(kept, layer->input_zero, left * CHANNELS);
  const int32_t depth = image->depth, right = layer->columns - left - width;
  const mve_pred16_t lanes = now->lanes;
  in += y * image->width * depth;
  if (now->whole) {
    for (int32_t x = width; x > 0; x--, in += depth, kept += CHANNELS) vstrbq_s16(kept, vldrbq_s16(in));
  } else {
    for (int32_t x = width; x > 0; x--, in += depth, kept += CHANNELS) vstrbq_s16(kept, vldrbq_z_s16(in, lanes));
  }
  engine_helium_fill(kept, layer->input_zero, right * CHANNELS);
}

/* Find the rows under the windows of output row y, keeping those that are new; `kept`: how many were. */
static int32_t find_rows(const engine_helium_depthwise_layer *layer, const group *now, const int8_t *in, int32_t y,
                         int32_t kept) {
  const engine_window *window = &layer->window;
  const int32_t top = y * window->stride_y, row = layer->columns * CHANNELS;
  if (kept < top) kept = top;
  for (; kept < top + layer->ring; kept++) keep(layer, now, in, kept, now->ring + kept % layer->ring * row);
  for (int32_t j = 0; j < window->height; j++) {
    now->rows[j] = now->ring + (top + j * window->dilation_y) % layer->ring * row;
  }
  return kept;
}

/* One tap: eight values, eight weights. (gcc would load many taps ahead, for which there are no registers.) */
#define TAP(values, value, weight)                            \
  "vldrb.s16 %q[x], [%[" values "], #" value "]\n"            \
  "vldrb.s16 %q[w], [%[weights], #" weight "]\n"              \
  "vmullb.s16 %q[product], %q[x], %q[w]\n"                    \
  "vmullt.s16 %q[x], %q[x], %q[w]\n"                          \
  "vadd.i32 %q[even], %q[even], %q[product]\n"                \
  "vadd.i32 %q[odd], %q[odd], %q[x]\n"

static inline sums add_products(sums so_far, const int8_t *value, const int8_t *weights) {
  int32x4_t x, w, product;
  __asm volatile(TAP("value", "0", "0")
                 : [even] "+w"(so_far.even), [odd] "+w"(so_far.odd), [x] "=&w"(x), [w] "=&w"(w),
                   [product] "=&w"(product)
                 : [value] "l"(value), [weights] "l"(weights)
                 : "memory");
  return so_far;
}

/* Three taps in each of three rows, side by side. */
static inline sums add_nine(sums so_far, const int8_t *r0, const int8_t *r1, const int8_t *r2, const int8_t *weights) {
  int32x4_t x, w, product;
  __asm volatile(TAP("r0", "0", "0") TAP("r0", "8", "8") TAP("r0", "16", "16")
                 TAP("r1", "0", "24") TAP("r1", "8", "32") TAP("r1", "16", "40")
                 TAP("r2", "0", "48") TAP("r2", "8", "56") TAP("r2", "16", "64")
                 : [even] "+w"(so_far.even), [odd] "+w"(so_far.odd), [x] "=&w"(x), [w] "=&w"(w),
                   [product] "=&w"(product)
                 : [r0] "l"(r0), [r1] "l"(r1), [r2] "l"(r2), [weights] "l"(weights)
                 : "memory");
  return so_far;
}

/* Any window. x: where it begins in its rows, in bytes. */
static inline sums under_window(const engine_window *window, const group *now, int32_t x, sums so_far) {
  const int8_t *weight = now->weights;
  for (int32_t j = 0; j < window->height; j++) {
    const int8_t *value = now->rows[j] + x;
    for (int32_t i = 0; i < window->width; i++, value += window->dilation_x * CHANNELS, weight += CHANNELS) {
      so_far = add_products(so_far, value, weight);
    }
  }
  return so_far;
}

/* What outputs are brought to. */
typedef struct {
  int16x8_t low, high;
  int16_t zero;
  int32_t rightwards;
} scale;

static inline sums biases(const group *now) {
  return (sums){vldrwq_s32(now->requantization), vldrwq_s32(now->requantization + 12)};
}

/* Bring sums to int8 and write them. */
static inline void write(const group *now, sums found, scale to, int8_t *out) {
  const int32_t *const even = now->requantization, *const odd = even + 12;
  found.even = engine_helium_scale_each(found.even, vldrwq_s32(even + 4), vldrwq_s32(even + 8), to.rightwards);
  found.odd = engine_helium_scale_each(found.odd, vldrwq_s32(odd + 4), vldrwq_s32(odd + 8), to.rightwards);
  int16x8_t values = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(found.even), found.even), found.odd);
  values = vminq_s16(vmaxq_s16(vqaddq_n_s16(values, to.zero), to.low), to.high);
  vstrbq_p_s16(out, values, now->lanes);
}

static void write_row(const engine_helium_depthwise_layer *layer, const group *given, int8_t *out) {
  const engine_window *window = &layer->window;
  const group now = *given;
  const int32_t depth = layer->output.depth, apart = window->stride_x * CHANNELS;
  const scale to = {vdupq_n_s16((int16_t)layer->low), vdupq_n_s16((int16_t)layer->high),
                    (int16_t)layer->output_zero, layer->rightwards};
  if (window->height == 3 && window->width == 3 && window->dilation_x == 1) {
    const int8_t *r0 = now.rows[0], *r1 = now.rows[1], *r2 = now.rows[2];
    for (int32_t left = layer->output.width; left > 0; left--, out += depth) {
      write(&now, add_nine(biases(&now), r0, r1, r2, now.weights), to, out);
      r0 += apart, r1 += apart, r2 += apart;
    }
    return;
  }
  for (int32_t left = layer->output.width, x = 0; left > 0; left--, x += apart, out += depth) {
    write(&now, under_window(window, &now, x, biases(&now)), to, out);
  }
}

static void one_image(const engine_helium_depthwise_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const engine_window *window = &layer->window;
  const int32_t depth = layer->input.depth, row = layer->output.width * depth;
  group now = {.rows = scratch,
               .ring = (int8_t *)scratch + (size_t)window->height * sizeof(int8_t *),
               .weights = layer->weights,
               .requantization = layer->requantization};
  for (int32_t channel = 0; channel < depth; channel += CHANNELS) {
    now.lanes = vctp16q((uint32_t)(depth - channel));
    now.whole = depth - channel >= CHANNELS;
    int32_t kept = 0;
    for (int32_t y = 0; y < layer->output.height; y++) {
      kept = find_rows(layer, &now, in + channel, y, kept);
      write_row(layer, &now, out + y * row + channel);
    }
    now.weights += window->height * window->width * CHANNELS;
    now.requantization += 24;
  }
}

void engine_helium_depthwise(const engine_helium_depthwise_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out, scratch);
    in += layer->input.height * layer->input.width * layer->input.depth;
    out += layer->output.height * layer->output.width * layer->output.depth;
  }
}
