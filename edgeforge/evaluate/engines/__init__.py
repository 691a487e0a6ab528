"""Do LiteRT's reference kernels and TFLM compute the same, layer by layer? What neither confirms, ships nowhere."""
