"""Operators: each file has its dataclass, how it is read from a .tflite, and the portable kernel that runs it."""
