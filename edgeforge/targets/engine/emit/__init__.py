"""Writes a network with kernels and memory as a C library."""
