"""Ranges that are known already, of PyTorch or of an ONNX file: matched tensor by tensor, written, proven."""
