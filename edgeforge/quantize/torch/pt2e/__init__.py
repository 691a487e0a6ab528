"""PT2E: quantization by torch.export and torchao, which is to follow eager mode and FX."""
