"""The sketch with EdgeForge's engine instead of TFLM: `runtime: engine`."""
