"""Rewrites around quantization, a pass a file; `order.py` says in which order a .tflite is rewritten, and why."""
