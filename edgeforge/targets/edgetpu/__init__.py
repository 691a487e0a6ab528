"""Which operators an Edge TPU would run."""
