"""INT8 and float16 variants of the trained model."""
