"""Operators that compute each value of the output of one value of each input."""
