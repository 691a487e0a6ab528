"""Operators that reduce or spread windows without weights: pools, sums, resizing, softmax."""
