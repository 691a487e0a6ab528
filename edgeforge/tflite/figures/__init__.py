"""What a model is in figures: multiply-accumulates, parameters, bytes."""
