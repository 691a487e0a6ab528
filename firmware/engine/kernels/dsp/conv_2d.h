/* CONV_2D of int8 for cores with the DSP extension: any window, any channels. */
#ifndef ENGINE_DSP_CONV_2D_H
#define ENGINE_DSP_CONV_2D_H

#include "columns.h"
#include "engine.h"

/* depth: values of a column, the window's and padding to a multiple of four. steps: pairs of them that are not all
 * padding. ring: how many rows of the image are kept with their padding, 0 where the window reads the image itself: it
 * has no padding then, and a depth of four or a multiple. row: bytes of a kept row, 4 more than the windows read.
 * Weights and pairs stand as columns.h says. Where the outputs are odd in number, channel 1 stands twice: pair 0 is
 * channels 0 and 1, pair 1 is channels 1 and 2. */
typedef struct {
  int32_t batches;
  engine_image input, output;
  engine_window window;
  int32_t depth, steps;
  int32_t ring, row;
  int32_t input_zero, output_zero;
  const int8_t *weights;
  const engine_dsp_pair *pairs;
} engine_dsp_conv_2d_layer;

/* scratch: four columns of int16, 8 * depth bytes; a pointer for each of the window's rows; the kept rows; and where
 * the image's depth is no multiple of four, 4 * depth + 4 bytes. With kept rows the output may be written over the
 * input, if its rows take no more bytes and a window's last row is never above its output. */
void engine_dsp_conv_2d(const engine_dsp_conv_2d_layer *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
