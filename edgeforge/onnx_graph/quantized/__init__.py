"""Quantized ONNX models (Q/DQ, QOperator) taken apart: the float network, its ranges, its integer weights."""
