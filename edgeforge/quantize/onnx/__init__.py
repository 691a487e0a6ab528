"""Static int8 by ONNX Runtime."""
