"""Float, int8 and mixed TFLite variants: ranges, corrections, and the proof that they travelled."""
