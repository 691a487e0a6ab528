"""What is in a model file, layer by layer, and what differs between two: read, never run but for TorchScript."""
