"""What is done to an ONNX graph: checks, rewrites, the order of flattened values."""
