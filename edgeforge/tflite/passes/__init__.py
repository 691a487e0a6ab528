"""Rewrites of a quantized .tflite, a pass a file: from the bytes of a flatbuffer to those of another."""
