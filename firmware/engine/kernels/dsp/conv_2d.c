/* Columns of the window's values, four at a time, and every output channel of them: columns.h. */
#include "conv_2d.h"

#include <string.h>

#include "widen.h"

/* The parts of the scratch memory, and what is the same for all outputs. rows: those under the windows of one row of
 * outputs. A window is read in runs of values that lie side by side: `runs` in a row of it, of `run` values. */
typedef struct {
  const int8_t **rows;
  int8_t *ring, *values;
  uint32_t *columns;
  int32_t runs, run;
  engine_dsp_product product;
} workspace;

static workspace prepare(const engine_dsp_conv_2d_layer *layer, int8_t *out, void *scratch) {
  const int32_t depth = layer->input.depth, channels = layer->output.depth;
  int8_t *const rows = (int8_t *)scratch + 8 * layer->depth;
  int8_t *const ring = rows + (size_t)layer->window.height * sizeof(int8_t *);
  const int32_t apart = layer->window.dilation_x > 1;
  return (workspace){
      .rows = (const int8_t **)(void *)rows,
      .ring = ring,
      .values = ring + layer->ring * layer->row,
      .columns = scratch,
      .runs = apart ? layer->window.width : 1,
      .run = apart ? depth : layer->window.width * depth,
      .product = {.out = out, .stride = channels, .pair = layer->pairs, .zero = layer->output_zero, .columns = scratch,
                  .steps = layer->steps, .pairs_end = layer->pairs + channels / 2},
  };
}

/* Keep a row of the image with its padding. y: counted from the first row of padding. */
static void keep(const engine_dsp_conv_2d_layer *layer, const int8_t *in, int32_t y, int8_t *kept) {
  const engine_image *image = &layer->input;
  const int32_t left = layer->window.left * image->depth;
  int32_t width = image->width * image->depth;
  y -= layer->window.top;
  if (y < 0 || y >= image->height) {
    memset(kept, layer->input_zero, (size_t)layer->row);
    return;
  }
  if (width > layer->row - left) width = layer->row - left;
  memset(kept, layer->input_zero, (size_t)left);
  memcpy(kept + left, in + y * image->width * image->depth, (size_t)width);
  memset(kept + left + width, layer->input_zero, (size_t)(layer->row - left - width));
}

/* Find the rows under the windows of output row y, keeping those that are new; `kept`: how many were. */
static int32_t find_rows(const engine_dsp_conv_2d_layer *layer, const int8_t *in, const workspace *space, int32_t y,
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

/* Columns of four neighbours; x: where the first one's window begins in its rows, in bytes. */
static inline void widen_four(const engine_dsp_conv_2d_layer *layer, const workspace *space, int32_t x) {
  const int32_t apart = layer->window.stride_x * layer->input.depth;
  const int32_t further = layer->window.dilation_x * layer->input.depth;
  uint32_t *columns = space->columns;
  for (int32_t j = 0; j < layer->window.height; j++) {
    const int8_t *from = space->rows[j] + x;
    for (int32_t i = 0; i < space->runs; i++, from += further) {
      columns = engine_dsp_widen_four(from, apart, space->run, columns);
    }
  }
}

/* One column, its pairs `apart` words from each other. */
static void widen_one(const engine_dsp_conv_2d_layer *layer, const workspace *space, int32_t x, int32_t apart,
                      uint32_t *column) {
  const int32_t further = layer->window.dilation_x * layer->input.depth;
  for (int32_t j = 0; j < layer->window.height; j++) {
    const int8_t *from = space->rows[j] + x;
    for (int32_t i = 0; i < space->runs; i++, from += further) {
      column = engine_dsp_widen(from, space->run, apart, column);
    }
  }
}

/* Copy runs of at most 4 * words values; `words` is known when this is compiled. */
static inline void copy_runs(const engine_dsp_conv_2d_layer *layer, const workspace *space, int32_t x, int8_t *to,
                             const size_t words) {
  const int32_t further = layer->window.dilation_x * layer->input.depth;
  for (int32_t j = 0; j < layer->window.height; j++) {
    const int8_t *from = space->rows[j] + x;
    for (int32_t i = 0; i < space->runs; i++, from += further, to += space->run) memcpy(to, from, 4 * words);
  }
}

/* The values under one window, one after the other. Words are copied: what is too much of one run is written over by
 * the next. */
static void gather(const engine_dsp_conv_2d_layer *layer, const workspace *space, int32_t x, int8_t *to) {
  if (space->run <= 4) {
    copy_runs(layer, space, x, to, 1);
  } else if (space->run <= 8) {
    copy_runs(layer, space, x, to, 2);
  } else if (space->run <= 12) {
    copy_runs(layer, space, x, to, 3);
  } else {
    const int32_t further = layer->window.dilation_x * layer->input.depth;
    for (int32_t j = 0; j < layer->window.height; j++) {
      const int8_t *from = space->rows[j] + x;
      for (int32_t i = 0; i < space->runs; i++, from += further, to += space->run) {
        for (int32_t k = 0; k < space->run; k += 4) memcpy(to + k, from + k, 4);
      }
    }
  }
}

/* All channels of `count` columns, 1 or 4, where they are odd in number: those of pair 0, then those from 1 on. */
static void multiply_odd(const engine_dsp_conv_2d_layer *layer, const workspace *space, int32_t count,
                         void (*run)(const engine_dsp_product *, const int8_t *)) {
  const int32_t channels = layer->output.depth;
  engine_dsp_product product = space->product;
  int8_t alone[8];
  if (channels == 1) {
    product.out = alone;
    product.stride = 2;
  }
  product.pairs_end = layer->pairs + 1;
  run(&product, layer->weights);
  if (channels == 1) {
    for (int32_t p = 0; p < count; p++) space->product.out[p] = alone[2 * p];
    return;
  }
  product.out++;
  product.pair = layer->pairs + 1;
  product.pairs_end = layer->pairs + (channels + 1) / 2;
  run(&product, layer->weights + 4 * layer->steps);
}

/* All channels of `count` columns, 1 or 4. */
static inline void multiply(const engine_dsp_conv_2d_layer *layer, workspace *space, int32_t count) {
  space->product.columns_end = space->columns + layer->steps * count;
  if (layer->output.depth & 1) {
    multiply_odd(layer, space, count, count == 4 ? engine_dsp_four_columns : engine_dsp_one_column);
  } else if (count == 4) {
    engine_dsp_four_columns(&space->product, layer->weights);
  } else {
    engine_dsp_one_column(&space->product, layer->weights);
  }
  space->product.out += count * layer->output.depth;
}

/* The image's depth is a multiple of four: values are widened where they stand. */
static void from_whole_words(const engine_dsp_conv_2d_layer *layer, const int8_t *in, workspace *space, int32_t rows,
                             int32_t width) {
  const int32_t apart = layer->window.stride_x * layer->input.depth;
  int32_t left = rows * width, place = 0, kept = 0;
  for (int32_t y = 0; y < rows; y++) {
    kept = find_rows(layer, in, space, y, kept);
    for (int32_t x = 0; x < width;) {
      if (place == 0 && width - x >= 4) {
        widen_four(layer, space, x * apart);
        multiply(layer, space, 4);
        x += 4;
        left -= 4;
      } else if (place == 0 && left < 4) {
        widen_one(layer, space, x * apart, 1, space->columns);
        multiply(layer, space, 1);
        x++;
        left--;
      } else { /* a row ends among four */
        widen_one(layer, space, x * apart, 4, space->columns + place);
        x++;
        if (++place < 4) continue;
        multiply(layer, space, 4);
        place = 0;
        left -= 4;
      }
    }
  }
}

static void from_single_values(const engine_dsp_conv_2d_layer *layer, const int8_t *in, workspace *space) {
  const int32_t apart = layer->window.stride_x * layer->input.depth;
  int32_t place = 0, kept = 0;
  for (int32_t y = 0; y < layer->output.height; y++) {
    kept = find_rows(layer, in, space, y, kept);
    for (int32_t x = 0; x < layer->output.width; x++) {
      gather(layer, space, x * apart, space->values + place * layer->depth);
      if (++place < 4) continue;
      engine_dsp_widen_four(space->values, layer->depth, layer->depth, space->columns);
      multiply(layer, space, 4);
      place = 0;
    }
  }
  for (int32_t p = 0; p < place; p++) {
    engine_dsp_widen(space->values + p * layer->depth, layer->depth, 1, space->columns);
    multiply(layer, space, 1);
  }
}

static void one_image(const engine_dsp_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const engine_window *window = &layer->window;
  workspace space = prepare(layer, out, scratch);
  if (layer->input.depth % 4 != 0) {
    from_single_values(layer, in, &space);
  } else if (window->height * window->width == 1 && window->stride_y * window->stride_x == 1 && layer->ring == 0) {
    /* Every value under its output: the rows make one. */
    from_whole_words(layer, in, &space, 1, layer->output.height * layer->output.width);
  } else {
    from_whole_words(layer, in, &space, layer->output.height, layer->output.width);
  }
}

void engine_dsp_conv_2d(const engine_dsp_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch) {
  const int32_t image = layer->input.height * layer->input.width * layer->input.depth;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    one_image(layer, in, out, scratch);
    in += image;
    out += layer->output.height * layer->output.width * layer->output.depth;
  }
}
