"""Rewrites of what PyTorch's exporter, or the converter to TFLite, makes wrong or clumsy of a form of network."""
