"""Operators with weights: convolutions, dense layers, the LSTM."""
