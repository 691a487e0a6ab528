"""Compiles a full-integer .tflite to a C library without interpreter, heap or dependency."""
