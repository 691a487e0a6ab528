"""From PyTorch to ONNX, from ONNX to TFLite."""
