"""Kernels in plain C that any core runs faster than the portable ones, which are written to be read."""
