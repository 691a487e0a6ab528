"""The .tflite file as a graph: read and write, cut, run tensor by tensor, rewrite, match with PyTorch modules."""
