/* Columns of the window's values, four at a time, and every output channel of them: a weight is loaded once for four. */
#include "conv_2d.h"

#include "copy.h"
#include "dot.h"
#include "requantize.h"

#define COLUMNS 4

/* The parts of the scratch memory. rows: those under the windows of one row of outputs. */
typedef struct {
  const int8_t **rows;
  int8_t *ring, *columns;
} workspace;

/* Keep a row of the image with its padding. y: counted from the first row of padding. */
static void keep(const engine_helium_conv_2d_layer *layer, const int8_t *in, int32_t y, int8_t *kept) {
  const engine_image *image = &layer->input;
  const int32_t whole = image->width * image->depth, left = layer->window.left * image->depth;
  const int32_t width = engine_min(whole, layer->row - left);
  y -= layer->window.top;
  if (y < 0 || y >= image->height) {
    engine_helium_fill(kept, layer->input_zero, layer->row);
    return;
  }
  kept = engine_helium_fill(kept, layer->input_zero, left);
  kept = engine_helium_copy(kept, in + y * whole, width);
  engine_helium_fill(kept, layer->input_zero, layer->row - left - width);
}

/* Find the rows under the windows of output row y, keeping those that are new; `kept`: how many were. */
static int32_t find_rows(const engine_helium_conv_2d_layer *layer, const int8_t *in, const workspace *space, int32_t y,
                         int32_t kept) {
  const engine_window *window = &layer->window;
  const int32_t top = y * window->stride_y;
  if (layer->ring == 0) {
    for (int32_t j = 0; j < window->height; j++) {
      space->rows[j] = in + (top + j * window->dilation_y) * layer->input.width * layer->input.depth;
    }
    return 0;
  }
  if (kept < top) kept = top;
  for (; kept < top + layer->ring; kept++) keep(layer, in, kept, space->ring + kept % layer->ring * layer->row);
  for (int32_t j = 0; j < window->height; j++) {
    space->rows[j] = space->ring + (top + j * window->dilation_y) % layer->ring * layer->row;
  }
  return kept;
}

/* The values under one window. x: where it begins in its rows, in bytes. */
static void gather(const engine_helium_conv_2d_layer *layer, const workspace *space, int32_t x, int8_t *column) {
  const engine_window *window = &layer->window;
  const int32_t depth = layer->input.depth, apart = window->dilation_x > 1;
  const int32_t runs = apart ? window->width : 1, run = apart ? depth : window->width * depth;
  for (int32_t j = 0; j < window->height; j++) {
    const int8_t *from = space->rows[j] + x;
    for (int32_t i = 0; i < runs; i++, from += window->dilation_x * depth) {
      column = engine_helium_copy(column, from, run);
    }
  }
}

/* All channels of `count` columns; where they are less than four the last one is computed, and written, again. */
static void multiply(const engine_helium_conv_2d_layer *layer, const int8_t *columns, int32_t count, int8_t *out) {
  const int32_t channels = layer->output.depth, depth = layer->depth, zero = layer->output_zero;
  const int32_t second = engine_min(1, count - 1), third = engine_min(2, count - 1), last = count - 1;
  const int8_t *const one = columns + second * depth, *const two = columns + third * depth;
  const int8_t *const three = columns + last * depth;
  const uint32x4_t places = {0, (uint32_t)(second * channels), (uint32_t)(third * channels),
                             (uint32_t)(last * channels)};
  const int32x4_t low = vdupq_n_s32(layer->low), high = vdupq_n_s32(layer->high);
  const int8_t *weights = layer->weights;
  const engine_channel *const end = layer->channels + channels;
  for (const engine_channel *channel = layer->channels; channel != end; channel++, weights += depth) {
    int32x4_t values = engine_helium_dot_4(weights, columns, one, two, three, depth, channel->bias);
    values = engine_helium_scale(values, channel->multiplier, channel->shift);
    values = engine_helium_clamp(values, zero, low, high);
    vstrbq_scatter_offset_s32(out++, places, values);
  }
}

static void one_image(const engine_helium_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const engine_window *window = &layer->window;
  const int32_t apart = window->stride_x * layer->input.depth;
  int8_t *const ring = (int8_t *)scratch + (size_t)window->height * sizeof(int8_t *);
  const workspace space = {scratch, ring, ring + layer->ring * layer->row};
  int32_t gathered = 0, kept = 0;
  for (int32_t y = 0; y < layer->output.height; y++) {
    kept = find_rows(layer, in, &space, y, kept);
    for (int32_t x = 0; x < layer->output.width; x++) {
      gather(layer, &space, x * apart, space.columns + gathered * layer->depth);
      if (++gathered < COLUMNS) continue;
      multiply(layer, space.columns, COLUMNS, out);
      out += COLUMNS * layer->output.depth;
      gathered = 0;
    }
  }
  if (gathered > 0) multiply(layer, space.columns, gathered, out);
}

void engine_helium_conv_2d(const engine_helium_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out, scratch);
    in += layer->input.height * layer->input.width * layer->input.depth;
    out += layer->output.height * layer->output.width * layer->output.depth;
  }
}
