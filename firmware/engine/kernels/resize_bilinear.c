/* ResizeBilinearInteger of tensorflow/lite/kernels/internal/reference/resize_bilinear.h. */
#include "resize_bilinear.h"

#define ONE 1024

/* The two neighbours of a place along one edge, and how much of the second there is, in 1/1024. */
typedef struct {
  int32_t lower, upper, share;
} neighbours;

static neighbours between(int32_t place, int32_t scale, int32_t half_pixel_centers, int32_t size) {
  const int32_t exact = half_pixel_centers ? place * scale + scale / 2 - ONE / 2 : place * scale;
  neighbours found;
  found.lower = engine_max(exact / ONE, 0);
  found.upper = engine_min((exact + ONE - 1) / ONE, size - 1);
  found.share = exact - ONE * found.lower;
  return found;
}

/* Of a value times 2^20. (A share lies between -1/2 and 1: 32 bits hold the sum of four.) */
static int8_t rounded(int32_t value) {
#if ENGINE_SINGLE_ROUNDING
  return (int8_t)((value + (1 << 19)) >> 20);
#else
  return (int8_t)((value + (value > 0 ? (1 << 19) : -(1 << 19))) / (1 << 20));
#endif
}

void engine_resize_bilinear(const engine_resize_bilinear_layer *layer, const int8_t *in, int8_t *out) {
  const engine_image *image = &layer->input;
  const int32_t row = image->width * image->depth;
  for (int32_t batch = 0; batch < layer->batches; batch++) {
    for (int32_t y = 0; y < layer->output.height; y++) {
      const neighbours v = between(y, layer->scale_y, layer->half_pixel_centers, image->height);
      for (int32_t x = 0; x < layer->output.width; x++) {
        const neighbours h = between(x, layer->scale_x, layer->half_pixel_centers, image->width);
        const int8_t *top_left = in + v.lower * row + h.lower * image->depth;
        const int8_t *top_right = in + v.lower * row + h.upper * image->depth;
        const int8_t *bottom_left = in + v.upper * row + h.lower * image->depth;
        const int8_t *bottom_right = in + v.upper * row + h.upper * image->depth;
        const int32_t a = (ONE - v.share) * (ONE - h.share), b = v.share * (ONE - h.share);
        const int32_t c = (ONE - v.share) * h.share, d = v.share * h.share;
        for (int32_t k = image->depth; k > 0; k--) {
          *out++ = rounded(*top_left++ * a + *bottom_left++ * b + *top_right++ * c + *bottom_right++ * d);
        }
      }
    }
    in += image->height * row;
  }
}
