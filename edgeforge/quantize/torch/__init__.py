"""PyTorch's int8 baselines and quantization-aware training."""
